import { keyShapeProblem, proveKey } from '../../anthropic/prove-key.ts'
import { checkBot } from '../../channels/telegram/api/bot-check.ts'
import { SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { print } from '../terminal/output.ts'
import { providerOf, telegramRootOf, trimmed } from './addresses.ts'
import type { Answers, SignInChoice } from './answers.ts'
import type { Found } from './look-around.ts'
import { BadFlag, NUMERIC_ID, parseAlert, type InitFlags } from './parse-flags.ts'

const ASK_MS = 10 * SECOND

/** Something that was given does not work: nothing is written. */
export class DoesNotWork extends Error {}

/**
 * The answers of a command line. Secrets come from the input, a line each, in the order key,
 * bot token, alert token; each is tried before it is taken.
 *
 * @throws BadFlag, DoesNotWork
 */
export async function answersFromFlags(
  flags: InitFlags,
  found: Found,
  readInput: () => Promise<string>,
): Promise<Answers> {
  const operators = flags.operator ?? []
  for (const operator of operators) {
    if (!/^[a-z]+:.+$/.test(operator))
      throw new BadFlag(`--operator ${operator}: expected such as telegram:12345`)
  }
  const users = flags.allowedUser ?? []
  for (const user of users) {
    if (!NUMERIC_ID.test(user))
      throw new BadFlag(`--allowed-user ${user}: expected a numeric id; names can change hands`)
  }
  const secret = await secretsFrom(flags, readInput)
  const apiKey = flags.apiKeyStdin ? secret('API key') : null
  const token = flags.telegramTokenStdin ? secret('bot token') : null
  const alertToken = flags.alertTokenStdin ? secret('alert token') : null
  const alerts = (flags.alert ?? []).map((alert) => parseAlert(alert, alertToken))
  const addresses = {
    baseUrl: trimmed(flags.baseUrl),
    sandboxUrl: trimmed(flags.sandboxUrl),
    telegramApiRoot: trimmed(flags.telegramApiRoot),
  }
  let signIn: SignInChoice = flags.adoptClaudeCode ? { kind: 'claude-code' } : { kind: 'keep' }
  if (apiKey) {
    const proof = keyShapeProblem(apiKey.reveal())
    if (proof !== null) throw new DoesNotWork(proof)
    const answer = await proveKey(providerOf(found, addresses), apiKey)
    if (answer.kind !== 'accepted') throw new DoesNotWork(answer.message)
    print(`The provider takes the API key ${apiKey.fingerprint}.`)
    signIn = { kind: 'api-key', key: apiKey }
  }
  if (token) print(`The bot token belongs to @${await botName(token, telegramRootOf(found, addresses))}.`)
  return {
    ...addresses,
    signIn,
    telegramToken: token,
    discordToken: null,
    slackTokens: null,
    operators,
    // Who runs it may talk to it as well.
    allowedUsers: [...new Set([...users, ...telegramUsers(operators)])],
    alerts,
  }
}

async function secretsFrom(
  flags: InitFlags,
  readInput: () => Promise<string>,
): Promise<(what: string) => Secret> {
  const wanted = flags.apiKeyStdin || flags.telegramTokenStdin || flags.alertTokenStdin
  const lines = wanted ? (await readInput()).split('\n').map((text) => text.trim()) : []
  return (what) => {
    const text = lines.shift()
    if (!text) throw new BadFlag(`the input holds no line for the ${what}`)
    return new Secret(text)
  }
}

async function botName(token: Secret, apiRoot: string): Promise<string> {
  const check = await checkBot({ token, apiRoot, listen: false }, AbortSignal.timeout(ASK_MS))
  switch (check.kind) {
    case 'bad-token':
    case 'unreachable':
      throw new DoesNotWork(`Telegram does not take the bot token: ${check.words}.`)
    default:
      return check.username
  }
}

/** Of `telegram:12345` the number. */
export function telegramUsers(operators: readonly string[]): string[] {
  return operators.flatMap((operator) => /^telegram:(\d+)$/.exec(operator)?.slice(1) ?? [])
}
