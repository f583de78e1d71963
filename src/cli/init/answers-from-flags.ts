import { keyShapeProblem, proveKey } from '../../anthropic/prove-key.ts'
import { checkBot } from '../../channels/telegram/api/bot-check.ts'
import { SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { print } from '../terminal/output.ts'
import { providerOf, telegramApiRoot, normalAddress } from './addresses.ts'
import type { Answers, SignInChoice } from './answers.ts'
import type { CurrentSetup } from './current-setup.ts'
import { BadFlag, NUMERIC_ID, parseAlert, type InitFlags } from './parse-flags.ts'

const ASK_MS = 10 * SECOND

/** A key or token was rejected: nothing is written. */
export class DoesNotWork extends Error {}

/**
 * Reads the answers from the command line. Secrets come from stdin, one per line, in the order key,
 * bot token, alert token; each is checked before it is used.
 *
 * @throws BadFlag, DoesNotWork
 */
export async function answersFromFlags(
  flags: InitFlags,
  current: CurrentSetup,
  readInput: () => Promise<string>,
): Promise<Answers> {
  const operators = flags.operator ?? []
  for (const operator of operators) {
    if (!/^[a-z]+:.+$/.test(operator))
      throw new BadFlag(`--operator ${operator}: expected a value such as telegram:12345`)
  }
  const users = flags.allowedUser ?? []
  for (const user of users) {
    if (!NUMERIC_ID.test(user))
      throw new BadFlag(`--allowed-user ${user}: expected a numeric ID (names can change)`)
  }
  const secret = await readSecrets(flags, readInput)
  const apiKey = flags.apiKeyStdin ? secret('API key') : null
  const token = flags.telegramTokenStdin ? secret('bot token') : null
  const alertToken = flags.alertTokenStdin ? secret('alert token') : null
  const alerts = (flags.alert ?? []).map((alert) => parseAlert(alert, alertToken))
  const addresses = {
    baseUrl: normalAddress(flags.baseUrl),
    sandboxUrl: normalAddress(flags.sandboxUrl),
    telegramApiRoot: normalAddress(flags.telegramApiRoot),
  }
  let signIn: SignInChoice = flags.adoptClaudeCode ? { kind: 'claude-code' } : { kind: 'keep' }
  if (apiKey) {
    const proof = keyShapeProblem(apiKey.reveal())
    if (proof !== null) throw new DoesNotWork(proof)
    const answer = await proveKey(providerOf(current, addresses), apiKey)
    if (answer.kind !== 'accepted') throw new DoesNotWork(answer.message)
    print(`API key accepted (${apiKey.fingerprint}).`)
    signIn = { kind: 'api-key', key: apiKey }
  }
  if (token) print(`The bot token belongs to @${await botName(token, telegramApiRoot(current, addresses))}.`)
  return {
    ...addresses,
    signIn,
    telegramToken: token,
    discordToken: null,
    slackTokens: null,
    operators,
    // Operators may use the bot as well.
    allowedUsers: [...new Set([...users, ...telegramUsers(operators)])],
    alerts,
  }
}

async function readSecrets(
  flags: InitFlags,
  readInput: () => Promise<string>,
): Promise<(what: string) => Secret> {
  const needed = flags.apiKeyStdin || flags.telegramTokenStdin || flags.alertTokenStdin
  const lines = needed ? (await readInput()).split('\n').map((text) => text.trim()) : []
  return (what) => {
    const text = lines.shift()
    if (!text) throw new BadFlag(`stdin has no line for the ${what}`)
    return new Secret(text)
  }
}

async function botName(token: Secret, apiRoot: string): Promise<string> {
  const check = await checkBot({ token, apiRoot, listen: false }, AbortSignal.timeout(ASK_MS))
  switch (check.kind) {
    case 'bad-token':
    case 'unreachable':
      throw new DoesNotWork(`Telegram rejects the bot token: ${check.words}.`)
    default:
      return check.username
  }
}

/** The numeric IDs in `telegram:12345`. */
export function telegramUsers(operators: readonly string[]): string[] {
  return operators.flatMap((operator) => /^telegram:(\d+)$/.exec(operator)?.slice(1) ?? [])
}
