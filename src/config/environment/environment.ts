import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { Secret } from '../../support/secret.ts'
import { isSandboxToken, tokenShapeProblem } from '../../support/text/token-shape.ts'
import { addressProblem, withoutTrailingSlash } from '../addresses.ts'
import { parseMailHost } from '../mail-server.ts'
import { isPersonId, PERSON_IDS } from '../person-ids.ts'
import { likelySlips, type Variables } from './dotenv.ts'
import { LOWER_CASE_TOO, type EnvironmentKey } from './environment-keys.ts'

/**
 * What the process environment and the home's `.env` say, typed, with secrets
 * wrapped. null = not set; an empty variable counts as not set.
 */
export interface Environment {
  readonly anthropic: {
    /** May hold an OAuth token: a common mistake. */
    readonly apiKey: Secret | null
    readonly authToken: Secret | null
    readonly token: Secret | null
    readonly claudeCodeOauthToken: Secret | null
    readonly baseUrl: string | null
  }
  /** The folder of Claude Code's sign-in and of its locks, which can lie apart from its other files. */
  readonly claudeConfigDir: string | null
  readonly network: NetworkEnvironment
  readonly telegram: {
    readonly botToken: Secret | null
    /** Numeric ids, or `*`. */
    readonly allowedUsers: readonly string[] | null
    readonly groupAllowedChats: readonly string[] | null
    readonly homeChannel: string | null
    readonly requireMention: boolean | null
  }
  readonly discord: {
    readonly botToken: Secret | null
    readonly allowedUsers: readonly string[] | null
    readonly homeChannel: string | null
  }
  readonly slack: {
    readonly botToken: Secret | null
    readonly appToken: Secret | null
    readonly allowedUsers: readonly string[] | null
    readonly homeChannel: string | null
  }
  readonly matrix: {
    readonly homeserver: string | null
    readonly accessToken: Secret | null
    readonly allowedUsers: readonly string[] | null
  }
  readonly email: {
    readonly address: string | null
    readonly password: Secret | null
    readonly imapHost: string | null
    readonly smtpHost: string | null
    readonly allowedUsers: readonly string[] | null
  }
  readonly gateway: {
    readonly allowedUsers: readonly string[] | null
    readonly allowAllUsers: boolean
  }
  /** Encrypts the sign-in in PostgreSQL; several, newest first, while one is being replaced. */
  readonly secretKey: Secret | null
  /** Where each variable that is set came from. */
  readonly origins: ReadonlyMap<EnvironmentKey, EnvironmentOrigin>
}

export interface NetworkEnvironment {
  /** May hold a password. */
  readonly httpsProxy: Secret | null
  readonly noProxy: string | null
  /** Path of a PEM file with further certificate authorities. */
  readonly extraCaCerts: string | null
}

export type EnvironmentOrigin = 'process environment' | '.env'

/** A variable whose value cannot be used. `message` is a sentence and never holds a secret. */
export interface EnvironmentProblem {
  readonly key: EnvironmentKey
  readonly message: string
}

export interface EnvironmentReading {
  readonly environment: Environment
  /** Variables that are set and cannot be used. */
  readonly problems: readonly EnvironmentProblem[]
  readonly warnings: readonly string[]
  /** The value of any variable, the process environment first; for `${NAME}` in `config.yaml`. */
  lookup(name: string): string | undefined
}

/**
 * Reads the environment: `file` is the home's `.env`, `processEnv` the process's own
 * variables, which win. Does no I/O and keeps nothing, so that it can be run again
 * whenever `.env` changes. A variable with a problem counts as not set, except
 * a credential, whose source refuses it and says so.
 */
export function readEnvironment(file: Variables, processEnv: Variables): EnvironmentReading {
  const problems: EnvironmentProblem[] = []
  const origins = new Map<EnvironmentKey, EnvironmentOrigin>()

  const read = <Value>(key: EnvironmentKey, parse: (value: string) => Value): Value | null => {
    const valueIn = (variables: Variables) =>
      variables[key] || (LOWER_CASE_TOO.has(key) ? variables[key.toLowerCase()] : undefined)
    const own = valueIn(processEnv)
    const value = own || valueIn(file)
    if (!value?.trim()) return null
    try {
      const parsed = parse(value)
      origins.set(key, own ? 'process environment' : '.env')
      return parsed
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      problems.push({ key, message: `${key} ${error.message}` })
      return null
    }
  }

  const credential = (key: EnvironmentKey): Secret | null =>
    read(key, (value) => {
      const problem = isSandboxToken(value)
        ? 'is a token of the sandbox, which nothing real accepts.'
        : tokenShapeProblem(value)
      if (problem) problems.push({ key, message: `${key} ${problem}` })
      // Kept anyway: a running gateway must report the broken source, not a missing one.
      return new Secret(value)
    })

  // Only a shell replaces `~`; in a `.env`, or between quotation marks, it stays. Absolute, so that a message that
  // nothing is there says where that is.
  const folder = (value: string) =>
    resolve(value.trim().replace(/^~(?=\/|$)/, processEnv['HOME'] || homedir()))
  const claudeConfigDir = read('CLAUDE_CONFIG_DIR', folder)
  const environment: Environment = {
    anthropic: {
      apiKey: credential('ANTHROPIC_API_KEY'),
      authToken: credential('ANTHROPIC_AUTH_TOKEN'),
      token: credential('ANTHROPIC_TOKEN'),
      claudeCodeOauthToken: credential('CLAUDE_CODE_OAUTH_TOKEN'),
      baseUrl: read('ANTHROPIC_BASE_URL', httpsAddress),
    },
    claudeConfigDir: read('CLAUDE_SECURESTORAGE_CONFIG_DIR', folder) ?? claudeConfigDir,
    network: {
      httpsProxy: read('HTTPS_PROXY', proxyAddress),
      noProxy: read('NO_PROXY', text),
      extraCaCerts: read('NODE_EXTRA_CA_CERTS', text),
    },
    telegram: {
      botToken: read('TELEGRAM_BOT_TOKEN', token),
      allowedUsers: read(
        'TELEGRAM_ALLOWED_USERS',
        ids(anybodyOr(PERSON_IDS.telegram.form), 'numeric user ids; ask @userinfobot for yours'),
      ),
      groupAllowedChats: read(
        'TELEGRAM_GROUP_ALLOWED_CHATS',
        ids((id) => /^-?\d+$/.test(id), 'numeric chat ids, such as -1001234567890'),
      ),
      homeChannel: read('TELEGRAM_HOME_CHANNEL', oneId(/^-?\d+$/, 'a numeric chat id')),
      requireMention: read('TELEGRAM_REQUIRE_MENTION', flag),
    },
    discord: {
      botToken: read('DISCORD_BOT_TOKEN', token),
      allowedUsers: read(
        'DISCORD_ALLOWED_USERS',
        ids(anybodyOr(PERSON_IDS.discord.form), 'numeric user ids (Copy User ID in developer mode)'),
      ),
      homeChannel: read('DISCORD_HOME_CHANNEL', oneId(/^\d+$/, 'a numeric channel id')),
    },
    slack: {
      botToken: read('SLACK_BOT_TOKEN', token),
      appToken: read('SLACK_APP_TOKEN', token),
      allowedUsers: read(
        'SLACK_ALLOWED_USERS',
        ids(anybodyOr(PERSON_IDS.slack.form), 'member IDs, such as U012AB3CD'),
      ),
      homeChannel: read('SLACK_HOME_CHANNEL', text),
    },
    matrix: {
      homeserver: read('MATRIX_HOMESERVER', httpsAddress),
      accessToken: read('MATRIX_ACCESS_TOKEN', token),
      allowedUsers: read(
        'MATRIX_ALLOWED_USERS',
        ids(anybodyOr(PERSON_IDS.matrix.form), 'user ids, such as @ada:example.org'),
      ),
    },
    email: {
      address: read('EMAIL_ADDRESS', mailAddress),
      password: read('EMAIL_PASSWORD', (value) => new Secret(value)),
      imapHost: read('EMAIL_IMAP_HOST', mailHost),
      smtpHost: read('EMAIL_SMTP_HOST', mailHost),
      allowedUsers: read(
        'EMAIL_ALLOWED_USERS',
        ids(anybodyOr(PERSON_IDS.email.form), 'mail addresses, such as ada@example.org'),
      ),
    },
    gateway: {
      allowedUsers: read(
        'GATEWAY_ALLOWED_USERS',
        ids(
          (id) => id === ANYBODY || isPersonId(id),
          'user ids, such as 12345 or U012AB3CD; names change hands',
        ),
      ),
      allowAllUsers: read('GATEWAY_ALLOW_ALL_USERS', flag) ?? false,
    },
    secretKey: read('HERMES_SECRET_KEY', (value) => new Secret(value)),
    origins,
  }
  return {
    environment,
    problems,
    warnings: likelySlips(file),
    lookup: (name) => processEnv[name] || file[name] || undefined,
  }
}

/** The end of a sentence about a value that cannot be used. */
class Unusable extends Error {}

/** A platform's token: it must fit into a header or a URL. */
function token(value: string): Secret {
  if (/\s/.test(value))
    throw new Unusable('contains white space. Copy it again without spaces or line breaks.')
  // An invisible letter, or a dash that a program has made longer.
  if (!/^[\x21-\x7e]+$/.test(value))
    throw new Unusable('holds a character that no token has, perhaps an invisible one. Copy it again.')
  // Some programs that read such files, Docker among them, keep the marks.
  if (/^["'`]|["'`]$/.test(value)) throw new Unusable('is wrapped in quotation marks. Remove them.')
  // Hermes Agent takes a list of Slack's.
  if (value.includes(',')) throw new Unusable('holds several tokens. Only one can be used: keep that one.')
  return new Secret(value)
}

function text(value: string): string {
  return value.trim()
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

/** In a list of people: everybody. */
const ANYBODY = '*'

function anybodyOr(form: RegExp): (id: string) => boolean {
  return (id) => id === ANYBODY || form.test(id)
}

function ids(isId: (text: string) => boolean, expected: string): (value: string) => string[] {
  return (value) => {
    const items = list(value)
    const wrong = items.filter((item) => !isId(item))
    // Ids and names are not secrets, and the operator must find the wrong one.
    if (wrong.length > 0)
      throw new Unusable(
        `holds ${wrong.map((item) => JSON.stringify(item)).join(', ')}: expected ${expected}.`,
      )
    return items
  }
}

function oneId(shape: RegExp, expected: string): (value: string) => string {
  return (value) => {
    const id = value.trim()
    if (!shape.test(id)) throw new Unusable(`is ${JSON.stringify(id)}: expected ${expected}.`)
    return id
  }
}

function flag(value: string): boolean {
  switch (value.trim().toLowerCase()) {
    case 'true':
    case '1':
    case 'yes':
    case 'on':
      return true
    case 'false':
    case '0':
    case 'no':
    case 'off':
      return false
    default:
      throw new Unusable('must be true or false.')
  }
}

function httpsAddress(value: string): string {
  const address = value.trim()
  const problem = addressProblem(address)
  if (problem) throw new Unusable(`cannot be used: ${problem}.`)
  return withoutTrailingSlash(address)
}

function mailAddress(value: string): string {
  const address = value.trim()
  if (!PERSON_IDS.email.form.test(address)) {
    throw new Unusable('is not a mail address, such as bot@example.org.')
  }
  return address
}

function mailHost(value: string): string {
  const host = value.trim()
  if (!parseMailHost(host))
    throw new Unusable('is not a host, such as mail.example.org or mail.example.org:587.')
  return host
}

function proxyAddress(value: string): Secret {
  const address = value.trim()
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new Unusable('is not the address of a proxy, such as http://proxy.example.org:3128.')
  }
  return new Secret(address)
}
