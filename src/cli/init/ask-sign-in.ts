import { log, note } from '@clack/prompts'
import { keyShapeProblem, proveKey } from '../../anthropic/prove-key.ts'
import { Secret } from '../../support/secret.ts'
import { providerOf } from './addresses.ts'
import type { Answers, SignInChoice } from './answers.ts'
import { choose, during, hidden, yesOrNo, type Choice } from './ask.ts'
import type { CurrentSetup } from './current-setup.ts'

const WAYS = `API key (recommended)
  From console.anthropic.com, billed by usage. Intended for programs; valid until you revoke it.
  No refreshing, no monthly sign-in.

Claude subscription
  Anthropic intends it for its own applications, bills use by other programs as extra usage, and may
  refuse it. Refreshed automatically, but expires after about a month; you get a reminder a week before.
  You continue at your own risk.`

const CLAUDE_CODE = `Claude Code's sign-in on this machine
  The same terms. Both programs share one sign-in and follow Claude Code's locking rules.
  Signing out there signs the gateway out as well.`

/** Asks how to sign in; a key is checked before it is accepted. */
export async function askSignIn(
  current: CurrentSetup,
  addresses: Pick<Answers, 'baseUrl' | 'sandboxUrl' | 'telegramApiRoot'>,
): Promise<SignInChoice> {
  note(current.claudeCode === null ? WAYS : `${WAYS}\n\n${CLAUDE_CODE}`, 'Ways to sign in')
  for (;;) {
    const choice = await choose('How should the gateway sign in?', choices(current))
    switch (choice) {
      case 'account':
        log.info('You will sign in at the end, after everything else has been saved.')
        return { kind: 'account' }
      case 'claude-code':
        return { kind: 'claude-code' }
      case 'later':
        return { kind: 'keep' }
      case 'api-key': {
        const key = await askKey(providerOf(current, addresses))
        if (key) return { kind: 'api-key', key }
      }
    }
  }
}

type Way = 'api-key' | 'account' | 'claude-code' | 'later'

function choices({ credential, claudeCode }: CurrentSetup): Choice<Way>[] {
  const keep: Choice<Way> =
    credential === null
      ? { value: 'later', label: 'Later', hint: 'messages are held until you sign in' }
      : { value: 'later', label: 'No change', hint: credential }
  const ways: Choice<Way>[] = [
    { value: 'api-key', label: 'API key', hint: 'recommended' },
    { value: 'account', label: 'Claude subscription' },
    ...(claudeCode === null ? [] : [{ value: 'claude-code', label: "Claude Code's sign-in" } as const]),
  ]
  return credential === null ? [...ways, keep] : [keep, ...ways]
}

/** null: the key was not accepted. */
async function askKey(provider: { baseUrl: string; userAgent: string }): Promise<Secret | null> {
  const key = new Secret(await hidden('Paste your API key', (text) => keyShapeProblem(text) ?? undefined))
  const proof = await during('Checking the key with the provider…', proveKey(provider, key))
  if (proof.kind === 'accepted') {
    log.success(`Key accepted (${key.fingerprint}).`)
    return key
  }
  log.error(proof.message)
  if (proof.kind === 'unknown' && (await yesOrNo('Use the key anyway?', false))) return key
  return null
}
