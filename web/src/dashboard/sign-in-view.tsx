import type { CredentialReport } from '../../../src/http/wire-reports.ts'
import { useValue } from '../observable.ts'
import type { BoardProps } from './board-props.ts'
import { Frame } from './frame.tsx'
import { AccountForm, KeyForm } from './sign-in-forms.tsx'
import { day, duration, moment, useNow } from './words.ts'

/** Who is signed in, and the two ways to sign in anew. */
export function SignInView({ state, board }: BoardProps) {
  const report = useValue(board.status)
  const now = useNow(1_000)
  return (
    <Frame state={state} board={board} name="sign-in" parts={PARTS}>
      {report && <Present credential={report.credential} now={now} />}
      <div class="ways">
        <section class="panel way" aria-labelledby="key-title">
          <h2 id="key-title">With an API key</h2>
          <p>
            What Anthropic asks for in programs, and what lasts: it does not end by itself. The console makes
            one.
          </p>
          <KeyForm onDone={() => board.refresh('status')} />
        </section>
        <section class="panel way" aria-labelledby="account-title">
          <h2 id="account-title">With an account</h2>
          <p>
            Anthropic keeps subscription sign-ins for Claude Code and its own applications, bills their use by
            other programs as extra usage, and may refuse them. Going on is your own choice.
          </p>
          <AccountForm onDone={() => board.refresh('status')} />
        </section>
      </div>
    </Frame>
  )
}

const PARTS = ['status'] as const

const KINDS = {
  'api-key': 'An API key',
  oauth: 'An account',
  command: 'A command that prints a token',
  profile: 'An Anthropic profile',
} as const

const SOURCES: Readonly<Record<string, string>> = {
  own: 'signed in through Hermes',
  environment: 'from the environment',
  'claude-code': 'borrowed from Claude Code',
  'refresh-command': 'from the configured command',
  profile: 'from a profile',
  'fallback-api-key': 'standing in for the sign-in',
}

const STATES: Readonly<Record<string, string>> = {
  healthy: 'works',
  refreshing: 'is being renewed',
  'at-risk': 'works, but cannot be renewed at present',
  degraded: 'is not accepted right now; it is tried again by itself',
  'needs-login': 'has ended: a new sign-in is needed',
  'not-permitted': 'is refused by Claude',
  misconfigured: 'is not set up right',
}

function Present({ credential, now }: { credential: CredentialReport; now: number }) {
  const { kind, source, state, fingerprint, expiresAt, loginExpiresAt, loginExpiryEstimated, lastRefresh } =
    credential
  return (
    <section class="panel" aria-labelledby="present-title">
      <h2 id="present-title">In use now</h2>
      <dl class="facts">
        <Fact
          name="What"
          value={kind === null ? 'Nothing' : `${KINDS[kind]}, ${SOURCES[source ?? ''] ?? source}`}
        />
        <Fact name="State" value={`It ${STATES[state] ?? state}.`} />
        {fingerprint !== null && <Fact name="Fingerprint" value={<code>{fingerprint}</code>} />}
        {expiresAt !== null && (
          <Fact
            name="Token"
            value={
              Date.parse(expiresAt) > now
                ? `ends in ${duration(Date.parse(expiresAt) - now)}, and is renewed before`
                : `ended ${moment(expiresAt, now)}`
            }
          />
        )}
        {lastRefresh !== null && (
          <Fact name="Renewed last" value={`${moment(lastRefresh.at, now)} (${lastRefresh.outcome})`} />
        )}
        {loginExpiresAt !== null && state !== 'needs-login' && (
          <Fact
            name="Sign-in ends"
            value={`${loginExpiryEstimated ? 'about ' : ''}${day(loginExpiresAt)}. You are told 7, 3 and 1 days before.`}
          />
        )}
      </dl>
    </section>
  )
}

function Fact({ name, value }: { name: string; value: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
