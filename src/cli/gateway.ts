import { rm } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { applyNetworkSettings } from '../config/network.ts'
import { loadSettings, sandboxSettings, type Settings } from '../config/settings.ts'
import type { CredentialParts } from '../credentials/assemble.ts'
import { noticeLogger } from '../credentials/keeper/status.ts'
import { Lifecycle } from '../gateway/lifecycle.ts'
import type { GatewayOptions } from '../gateway/runtime.ts'
import type { Role } from '../inbox/fleet/fleet.ts'
import { startGateway, type Gateway } from '../main.ts'
import type { Sandbox } from '../sandbox/types.ts'
import { systemClock } from '../support/clock.ts'
import { writeFileAtomically } from '../support/files/private-file.ts'
import { createLog } from '../support/log.ts'
import { VERSION } from '../support/package.ts'
import { returnFreeMemory } from '../support/return-free-memory.ts'
import { startServiceNotifier } from '../support/sd-notify.ts'
import { Secret } from '../support/secret.ts'
import { credentialsOf } from './auth/auth-parts.ts'
import { runFile, type RunningGateway } from './client/gateway-api.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { acquireHome } from './home-lock.ts'
import { findOtherGateway } from './other-gateway.ts'
import { ProcessEnd } from './process-end.ts'
import { paint, print, printError } from './terminal/output.ts'

interface GatewayCommandOptions extends GlobalOptions {
  readonly sandbox: boolean
  readonly port: number | undefined
  readonly role: Role
}

/** Variables that the SDK would read; only our own loader may read the environment. */
const READ_BY_THE_SDK = ['ANTHROPIC_CUSTOM_HEADERS', 'ANTHROPIC_LOG'] as const

/**
 * In percent: the old generation is collected when it is half as large again as what was alive in it. On a machine
 * with much memory V8 waits for up to four times as much, which is 60 MB of garbage for 20 MB that are in use.
 */
const HEAP_GROWTH = '--heap-growing-percent=50'
/**
 * Runs the gateway until SIGTERM or Ctrl-C.
 *
 * @param parts what a program that embeds the gateway adds to it
 */
export async function gatewayCommand(
  options: GatewayCommandOptions,
  parts: Pick<GatewayOptions, 'tools' | 'runStep'> = {},
): Promise<ExitCode> {
  const processEnv = { ...process.env }
  for (const name of READ_BY_THE_SDK) delete process.env[name]
  // A signal during the start is obeyed once the start has finished, so that nothing stays half open.
  await using stack = new AsyncDisposableStack()
  const end = stack.use(new ProcessEnd())
  const sandbox = options.sandbox
    ? stack.adopt(await startSandboxProvider(), (provider) => provider.close())
    : null
  const { home, port, role } = options
  const settings = sandbox
    ? await sandboxSettings({ home, port, processEnv, baseUrl: sandbox.url })
    : await loadSettings({ home, port, processEnv })
  const other = await findOtherGateway(settings.paths.home)
  if (other) {
    printError(`${other.sentence}. Stop it first: ${other.stop}`)
    return EXIT.failed
  }
  const lock = await acquireHome(settings.paths.home)
  if (!lock) {
    printError(`a gateway is already running for ${settings.paths.home}. See "hermes status".`)
    return EXIT.failed
  }
  stack.use(lock)
  // Of one that was killed.
  await rm(runFile(settings.paths.home), { force: true })
  const log = await createLog({ level: settings.config.gateway.logLevel })
  end.logTo(log)
  for (const warning of settings.warnings) log.warn(warning)
  const credentials = await new Lifecycle(log).start(stack, "own sign-ins' place", {
    start() {
      applyNetworkSettings(settings.environment.network, {
        extraCaCertsLoaded: processEnv['NODE_EXTRA_CA_CERTS'] !== undefined,
      })
      return credentialsOf(settings, processEnv, log)
    },
    stop: (parts) => parts?.close(),
  })
  if (sandbox) await signInToSandbox(sandbox, credentials)
  credentials.keeper.subscribe(noticeLogger(log))
  const panel = sandbox && (await import('./sandbox.ts')).sandboxPanel(sandbox)
  const gateway = stack.adopt(
    await startGateway({ ...parts, settings, role, log, credentials, processEnv, sandbox: panel }),
    (running) => running.stop(),
  )
  stack.defer(() => rm(runFile(settings.paths.home), { force: true }))
  await announce(gateway, settings)
  // Read at each collection, in every thread. What a start loads would be collected several times on the way.
  setFlagsFromString(HEAP_GROWTH)
  stack.use(
    returnFreeMemory({
      clock: systemClock,
      resident: () => process.memoryUsage.rss(),
      setFlag: setFlagsFromString,
    }),
  )
  const service = startServiceNotifier({
    alive: () => gateway.alive(),
    statusLine: () => gateway.statusLine(),
    clock: systemClock,
    onProblem: (message) => log.warn(message),
  })
  const reason = await end.asked
  if (reason.kind === 'signal') log.info(`${reason.signal}: finishing current answers, then stopping`)
  // At the same time as the stop: current answers must not wait for the service manager.
  await Promise.all([service.stopping(), stack.disposeAsync()])
  const code = reason.kind === 'crash' ? EXIT.failed : EXIT.ok
  end.stopped(code)
  return code
}

async function announce(gateway: Gateway, settings: Settings): Promise<void> {
  const { paths, sandbox, config } = settings
  const running: RunningGateway = {
    pid: process.pid,
    url: gateway.url,
    startedAt: new Date().toISOString(),
    sandbox: settings.sandbox ? settings.config.model.baseUrl : null,
  }
  await writeFileAtomically(runFile(paths.home), `${JSON.stringify(running)}\n`)
  print(
    `${paint('bold', `Hermes Gateway ${VERSION}`)}${sandbox ? ' (sandbox: nothing leaves this machine)' : ''}`,
  )
  if (gateway.moved)
    print(`Port ${config.gateway.port} is in use; listening on ${new URL(gateway.url).port} instead.`)
  const { enabled } = config.channels.web
  // Somebody who reads the journal or a log file of the service must not be able to sign in with it.
  if (enabled && (process.stdout.isTTY || sandbox)) print(`Open ${paint('cyan', gateway.pageAddress())}`)
  else {
    print(`Listening on ${gateway.url}`)
    if (enabled) print('"hermes dashboard" prints a one-time link to the page.')
  }
  if (sandbox)
    print('Type !help in the chat to break things and watch them recover. Ctrl-C stops the gateway.')
}

async function startSandboxProvider(): Promise<Sandbox> {
  const { startSandbox, VISITOR_PACE } = await import('../sandbox/sandbox.ts')
  return startSandbox({ answer: VISITOR_PACE })
}

/** The simulated Anthropic keeps nothing across restarts, so every start needs a new sign-in. */
async function signInToSandbox(sandbox: Sandbox, { own }: CredentialParts): Promise<void> {
  const issued = sandbox.signIn()
  const now = Date.now()
  await own.signIn({
    kind: 'oauth',
    requestedScopes: issued.scopes,
    tokens: {
      accessToken: new Secret(issued.accessToken),
      refreshToken: new Secret(issued.refreshToken),
      expiresInMs: issued.expiresAt - now,
      expiryAssumed: false,
      loginExpiresInMs: issued.refreshTokenExpiresAt - now,
      scopes: issued.scopes,
      accountId: issued.accountId,
      accountEmail: issued.email,
      organizationId: issued.organizationId,
    },
  })
}
