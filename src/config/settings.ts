import { ConfigurationError } from '../support/errors.ts'
import { normalBaseUrl } from './addresses.ts'
import { resolveChannels, type ChannelSettings } from './channels.ts'
import type { Config } from './config.ts'
import { oddLines, parseDotenv, readDotenvText, type Variables } from './environment/dotenv.ts'
import { readEnvironment, type Environment } from './environment/environment.ts'
import { loadConfig } from './file/load.ts'
import { homePaths, prepareHome, resolveHome, sandboxHome, type HomePaths } from './home/home.ts'
import { soulWarning } from './home/soul.ts'

/** Everything a start needs to know, read once and checked. */
export interface Settings {
  readonly paths: HomePaths
  /** With overrides of the file applied: ANTHROPIC_BASE_URL, `--port`. */
  readonly config: Config
  readonly environment: Environment
  /** The effective channel settings: file and environment merged. */
  readonly channels: ChannelSettings
  /** True in the sandbox: loopback only, marked tokens. */
  readonly sandbox: boolean
  /** Sentences for the log at start. */
  readonly warnings: readonly string[]
  /** Keys of Hermes Agent's configuration that are not used here (already one of the warnings). */
  readonly ignoredKeys: readonly string[]
  /** Problems that would refuse a start; empty unless `lenient`. */
  readonly problems: readonly string[]
}

export interface SettingsOptions {
  /** `--home` */
  readonly home?: string | undefined
  /** `--port` */
  readonly port?: number | undefined
  /** The variables of the process. Only the entry point reads `process.env`. */
  readonly processEnv: Variables
  /** For commands that report on a broken installation: unusable variables become `problems`. */
  readonly lenient?: boolean
}

/**
 * Reads the home, `.env`, the environment and `config.yaml`, and makes the home if it
 * is missing.
 *
 * @throws ConfigurationError with every problem at once, one a line
 */
export async function loadSettings(options: SettingsOptions): Promise<Settings> {
  const { paths, warnings } = prepareHome(resolveHome(options.home, options.processEnv))
  const settings = await readSettings({ ...options, home: paths.home })
  return { ...settings, warnings: [...warnings, ...settings.warnings] }
}

/**
 * Like `loadSettings`, but read-only: the home is neither created nor fixed, and its
 * permissions are not checked.
 *
 * @throws ConfigurationError with every problem at once, one a line
 */
export async function readSettings(options: SettingsOptions): Promise<Settings> {
  const paths = homePaths(resolveHome(options.home, options.processEnv))
  const file = readDotenvText(paths.env)
  const reading = readEnvironment(parseDotenv(file), options.processEnv)
  const { environment } = reading
  const problems = reading.problems.map(({ message }) => message)
  const loaded = await loadConfig(paths.config, reading.lookup).catch((error: unknown) => {
    // Report the problems of both places at once.
    if (!(error instanceof ConfigurationError) || problems.length === 0) throw error
    throw new ConfigurationError([...problems, error.message].join('\n'))
  })
  if (problems.length > 0 && !options.lenient) throw new ConfigurationError(problems.join('\n'))
  const config = overridden(loaded.config, environment, options.port)
  const channels = resolveChannels(config, environment)
  const soul = await soulWarning(paths.soul)
  return {
    paths,
    config,
    environment,
    channels,
    sandbox: false,
    warnings: [
      ...oddLines(file),
      ...reading.warnings,
      ...ignoredWarning(loaded.ignoredKeys),
      ...halfConfigured(environment, config),
      ...deafHooks(config, channels),
      ...(soul === null ? [] : [soul]),
    ],
    ignoredKeys: loaded.ignoredKeys,
    problems,
  }
}

export interface SandboxOptions extends Omit<SettingsOptions, 'lenient'> {
  /** The loopback address of the simulated Anthropic. */
  readonly baseUrl: string
}

/**
 * Settings of a gateway in the sandbox: a home of its own below the real one, no
 * credential and no channel of the environment, no file of Claude Code, only the web
 * channel, and the simulated Anthropic for everything. A `config.yaml` in the
 * sandbox's home may change the rest (texts, holds), never where anything is sent.
 */
export async function sandboxSettings(options: SandboxOptions): Promise<Settings> {
  const { paths, warnings } = prepareHome(sandboxHome(resolveHome(options.home, options.processEnv)))
  const loaded = await loadConfig(paths.config)
  const { environment } = readEnvironment({}, {})
  const base = normalBaseUrl(options.baseUrl)
  const { config: file } = loaded
  const config: Config = {
    ...file,
    model: { ...file.model, baseUrl: base },
    auth: {
      adoptClaudeCode: false,
      fallbackApiKey: false,
      refreshCommand: null,
      oauth: {
        ...file.auth.oauth,
        authorizeUrl: `${base}/oauth/authorize`,
        tokenUrls: [`${base}/v1/oauth/token`],
        redirectUri: `${base}/oauth/code/callback`,
        headers: {},
      },
    },
    gateway: { ...file.gateway, host: '127.0.0.1', port: options.port ?? file.gateway.port },
    storage: { kind: 'sqlite' },
    alerts: [],
    webhooks: [],
    // Only the web chat is open there.
    channels: { ...file.channels, openai: { enabled: false } },
  }
  return {
    paths,
    config,
    environment,
    channels: resolveChannels(config, environment),
    sandbox: true,
    warnings: [...warnings, ...ignoredWarning(loaded.ignoredKeys)],
    ignoredKeys: loaded.ignoredKeys,
    problems: [],
  }
}

/** The environment and the command line win over the file. */
function overridden(config: Config, environment: Environment, port: number | undefined): Config {
  const { baseUrl } = environment.anthropic
  return {
    ...config,
    model: baseUrl === null ? config.model : { ...config.model, baseUrl: normalBaseUrl(baseUrl) },
    gateway: port === undefined ? config.gateway : { ...config.gateway, port },
  }
}

function ignoredWarning(keys: readonly string[]): string[] {
  if (keys.length === 0) return []
  return [`Keys of Hermes Agent in config.yaml that mean nothing here are ignored: ${keys.join(', ')}.`]
}

/** Webhooks whose answers could not be delivered: their requests are refused. */
function deafHooks({ webhooks }: Config, channels: ChannelSettings): string[] {
  const open = new Map<string, boolean>(
    Object.entries(channels).map(([name, { enabled }]) => [name, enabled && name !== 'openai']),
  )
  return webhooks
    .filter(({ deliverTo }) => !open.get(deliverTo.channel))
    .map(
      ({ name, deliverTo }) => `Webhook ${name} takes nothing: the channel ${deliverTo.channel} is not open.`,
    )
}

/** Warnings about half-configured channels, which would otherwise stay silently off. */
function halfConfigured({ slack, matrix, email }: Environment, { channels }: Config): string[] {
  const parts: [string, Readonly<Record<string, unknown>>][] = [
    ['Slack', { SLACK_BOT_TOKEN: slack.botToken, SLACK_APP_TOKEN: slack.appToken }],
    ['Matrix', { MATRIX_HOMESERVER: matrix.homeserver, MATRIX_ACCESS_TOKEN: matrix.accessToken }],
    [
      'E-mail',
      {
        EMAIL_ADDRESS: email.address,
        EMAIL_PASSWORD: email.password,
        EMAIL_IMAP_HOST: email.imapHost ?? channels.email.imap.host,
        EMAIL_SMTP_HOST: email.smtpHost ?? channels.email.smtp.host,
      },
    ],
  ]
  return parts.flatMap(([channel, variables]) => {
    const missing = Object.keys(variables).filter((key) => variables[key] === null)
    if (missing.length === 0 || missing.length === Object.keys(variables).length) return []
    return [`${channel} stays closed: ${missing.join(' and ')} missing.`]
  })
}
