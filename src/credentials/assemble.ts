import { homedir } from 'node:os'
import { join } from 'node:path'
import { readDotenv, type Variables } from '../config/environment/dotenv.ts'
import { readEnvironment, type Environment } from '../config/environment/environment.ts'
import { watchEnvironment } from '../config/environment/watch-environment.ts'
import type { Settings } from '../config/settings.ts'
import { TokenEndpoint } from '../oauth/token-endpoint.ts'
import { systemClock, type Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import { ClaudeCodeStore } from './claude-code/claude-code-store.ts'
import type { Probe } from './credential.ts'
import { Keeper } from './keeper/keeper.ts'
import type { OwnPlace, OwnPlaceParts, OwnSignIns } from './own/own-sign-ins.ts'
import { ownFiles } from './own/own-store.ts'
import { createResolver, type Resolver } from './sources/decision.ts'
import { profileSource, type ProfileAccess } from './sources/profile.ts'
import { refreshCommandSource } from './sources/refresh-command.ts'
import {
  claudeCodeSource,
  environmentSource,
  ownSource,
  type CredentialVariables,
} from './sources/sources.ts'

export interface AssembleOptions {
  readonly settings: Settings
  /** The variables of the process; only the entry point reads `process.env`. */
  readonly processEnv: Variables
  /** Used by a keeper that is started, and by no other: a command asks nobody. */
  readonly probe: Probe
  /** Anthropic's own profiles; null = not read. */
  readonly profile: ProfileAccess | null
  /** Opens the place of own sign-ins where that is not a file of the home. */
  readonly openPlace?: ((parts: OwnPlaceParts) => Promise<OwnPlace>) | undefined
  readonly clock?: Clock
  readonly log?: Log
}

/** The parts around one credential, wired. */
export interface CredentialParts {
  readonly settings: Settings
  readonly keeper: Keeper
  readonly resolver: Resolver
  /** The gateway's own sign-ins: login and logout write them. */
  readonly own: OwnSignIns
  readonly endpoint: TokenEndpoint
  /** Clears up what a killed process left, and starts the keeper. Only the gateway itself does this. */
  start(): Promise<void>
  /** After the keeper has stopped: ends what the place of own sign-ins keeps open. */
  close(): Promise<void>
}

/**
 * From settings to a keeper that only has to be started. Makes no request and reads no sign-in.
 *
 * @throws what `openPlace` throws
 */
export async function assembleCredentials(options: AssembleOptions): Promise<CredentialParts> {
  const { settings, processEnv, log, clock = systemClock } = options
  const { paths, config, sandbox, environment } = settings
  const { auth } = config
  const endpoint = new TokenEndpoint(auth.oauth, {
    clock,
    onServerDate: (serverNow) => keeper.noticeServerTime(serverNow),
  })
  const onWarning = (message: string) => log?.warn(message)
  const placeParts = { endpoint, clock, onWarning }
  const place = (await options.openPlace?.(placeParts)) ?? ownFiles(paths, placeParts)
  const own = place.signIns
  const configDir = environment.claudeConfigDir ?? join(processEnv['HOME'] || homedir(), '.claude')
  const claudeCode = new ClaudeCodeStore({ configDir, home: paths.home, endpoint, clock, onWarning })
  const resolver = createResolver(
    [
      ownSource({ place: place.name, signIns: own, allowSandboxTokens: sandbox }),
      environmentSource({
        // The sandbox reads no variable and no file of a real home.
        read: () => variablesOf(sandbox ? environment : readNow(paths.env, processEnv)),
        ...(sandbox
          ? {}
          : { watch: (listener: () => void) => watchEnvironment(paths.env, processEnv, listener) }),
        allowSandboxTokens: sandbox,
      }),
      claudeCodeSource({
        place: join(configDir, '.credentials.json'),
        signIn: claudeCode,
        adopt: auth.adoptClaudeCode,
      }),
      refreshCommandSource({
        argv: auth.refreshCommand,
        environment: processEnv,
        allowSandboxTokens: sandbox,
      }),
      profileSource(sandbox ? null : options.profile),
    ],
    { adoptClaudeCode: auth.adoptClaudeCode, fallbackApiKey: auth.fallbackApiKey },
  )
  const keeper = new Keeper({
    resolver,
    memory: place.memory,
    clock,
    probe: options.probe,
    ...(log ? { log } : {}),
  })
  return {
    settings,
    keeper,
    resolver,
    own,
    endpoint,
    async start() {
      await own.open()
      if (auth.adoptClaudeCode !== false) await claudeCode.open()
      await keeper.start()
    },
    close: () => place.close(),
  }
}

function readNow(envFile: string, processEnv: Variables): Environment {
  return readEnvironment(readDotenv(envFile), processEnv).environment
}

function variablesOf({ anthropic }: Environment): CredentialVariables {
  return {
    ANTHROPIC_AUTH_TOKEN: anthropic.authToken,
    ANTHROPIC_TOKEN: anthropic.token,
    CLAUDE_CODE_OAUTH_TOKEN: anthropic.claudeCodeOauthToken,
    ANTHROPIC_API_KEY: anthropic.apiKey,
  }
}
