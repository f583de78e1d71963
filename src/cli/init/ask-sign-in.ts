import { log, note } from '@clack/prompts'
import { keyShapeProblem, proveKey } from '../../anthropic/prove-key.ts'
import { Secret } from '../../support/secret.ts'
import { providerOf } from './addresses.ts'
import type { Answers, SignInChoice } from './answers.ts'
import { choose, during, hidden, yesOrNo, type Choice } from './ask.ts'
import type { Found } from './look-around.ts'

const WAYS = `API key (recommended)
  From console.anthropic.com, billed by use. Made for programs; lasts until you revoke it.
  Nothing has to be renewed, and nobody has to sign in again each month.

Your own subscription sign-in
  Anthropic keeps it for its own applications, bills other programs as extra usage, and may refuse.
  Kept alive by itself, but it ends after about a month; you are told a week ahead. Your own choice.

The sign-in of Claude Code on this machine
  The same terms. Both programs share one sign-in, after Claude Code's own rules.
  Whoever signs out there signs the gateway out as well.`

/** Which of the ways; a key is proven before it is taken. */
export async function askSignIn(
  found: Found,
  addresses: Pick<Answers, 'baseUrl' | 'sandboxUrl' | 'telegramApiRoot'>,
): Promise<SignInChoice> {
  note(WAYS, 'Three ways to sign in')
  for (;;) {
    const choice = await choose('How does the gateway sign in?', choices(found))
    switch (choice) {
      case 'account':
        log.info('The sign-in itself comes at the end, when everything else is written.')
        return { kind: 'account' }
      case 'claude-code':
        return { kind: 'claude-code' }
      case 'later':
        return { kind: 'keep' }
      case 'api-key': {
        const key = await askKey(providerOf(found, addresses))
        if (key) return { kind: 'api-key', key }
      }
    }
  }
}

type Way = 'api-key' | 'account' | 'claude-code' | 'later'

function choices({ credential, claudeCode }: Found): Choice<Way>[] {
  const keep: Choice<Way> =
    credential === null
      ? { value: 'later', label: 'Later', hint: 'messages are accepted and held until then' }
      : { value: 'later', label: 'As it is', hint: credential }
  const ways: Choice<Way>[] = [
    { value: 'api-key', label: 'API key', hint: 'recommended' },
    { value: 'account', label: 'My own subscription sign-in' },
    ...(claudeCode === null ? [] : [{ value: 'claude-code', label: 'The sign-in of Claude Code' } as const]),
  ]
  return credential === null ? [...ways, keep] : [keep, ...ways]
}

/** null: the person thinks again. */
async function askKey(provider: { baseUrl: string; userAgent: string }): Promise<Secret | null> {
  const key = new Secret(await hidden('The API key', (text) => keyShapeProblem(text) ?? undefined))
  const proof = await during('Asking the provider whether it takes the key…', proveKey(provider, key))
  if (proof.kind === 'accepted') {
    log.success(`The provider takes the key (${key.fingerprint}).`)
    return key
  }
  log.error(proof.message)
  if (proof.kind === 'unknown' && (await yesOrNo('Take the key all the same?', false))) return key
  return null
}
