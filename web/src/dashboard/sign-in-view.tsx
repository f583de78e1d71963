import type { CredentialReport } from '../../../src/http/wire-reports.ts'
import { useValue } from '../observable.ts'
import type { BoardProps } from './board-props.ts'
import { Frame } from './frame.tsx'
import { AccountForm, KeyForm } from './sign-in-forms.tsx'
import { day, duration, moment, useNow } from './words.ts'

/** The current sign-in, and the two ways to sign in. */
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
            Recommended by Anthropic for apps, and it doesn't expire. Create one in the{' '}
            <a href="https://console.anthropic.com/settings/keys" target="_blank" rel="noopener noreferrer">
              Console
            </a>
            .
          </p>
          <KeyForm onDone={() => board.refresh('status')} />
        </section>
        <section class="panel way" aria-labelledby="account-title">
          <h2 id="account-title">With an account</h2>
          <p>
            Anthropic keeps subscription sign-ins for Claude Code and its own applications, bills their use by
            other programs as extra usage, and may refuse them. You continue at your own risk.
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
  'fallback-api-key': 'fallback for the sign-in',
}

const STATES: Readonly<Record<string, string>> = {
  healthy: 'Active',
  refreshing: 'Refreshing',
  'at-risk': 'Active, but refreshing keeps failing',
  degraded: 'Not accepted right now; retrying automatically',
  'needs-login': 'Signed out: a new sign-in is needed',
  'not-permitted': 'Rejected by Anthropic',
  misconfigured: 'Configuration error',
}

/** Instead of those above, of an API key. */
const KEY_STATES: Readonly<Record<string, string>> = {
  'needs-login': 'Rejected: a new API key is needed',
  'not-permitted': 'Not permitted by Anthropic: check its account, or use another key',
}

function Present({ credential, now }: { credential: CredentialReport; now: number }) {
  const {
    kind,
    source,
    state,
    renewable,
    fingerprint,
    expiresAt,
    loginExpiresAt,
    loginExpiryEstimated,
    lastRefresh,
  } = credential
  return (
    <section class="panel" aria-labelledby="present-title">
      <h2 id="present-title">Current sign-in</h2>
      <dl class="facts">
        <Fact
          name="Using"
          value={kind === null ? 'Nothing' : `${KINDS[kind]}, ${SOURCES[source ?? ''] ?? source}`}
        />
        <Fact name="Status" value={(kind === 'api-key' && KEY_STATES[state]) || (STATES[state] ?? state)} />
        {fingerprint !== null && <Fact name="Fingerprint" value={<code>{fingerprint}</code>} />}
        {expiresAt !== null && (
          <Fact
            name="Token"
            value={
              Date.parse(expiresAt) > now
                ? `valid for ${duration(Date.parse(expiresAt) - now)}${renewable ? '; renewed automatically' : ''}`
                : `expired ${moment(expiresAt, now)}`
            }
          />
        )}
        {lastRefresh !== null && (
          <Fact
            name={lastRefresh.outcome === 'renewed' ? 'Last renewed' : 'Last refresh attempt'}
            value={refreshWords(lastRefresh, now)}
          />
        )}
        {loginExpiresAt !== null && state !== 'needs-login' && (
          <Fact
            name="Sign-in expires"
            value={`${loginExpiryEstimated ? 'about ' : ''}${day(loginExpiresAt)}. You'll get reminders 7, 3 and 1 day before.`}
          />
        )}
      </dl>
    </section>
  )
}

function refreshWords({ at, outcome }: { at: string; outcome: string }, now: number): string {
  return outcome === 'renewed' ? moment(at, now) : `${moment(at, now)} (${outcome})`
}

function Fact({ name, value }: { name: string; value: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
