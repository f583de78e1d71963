import { createServer } from 'node:net'
import { outageCause } from '../../alerts/outage-cause.ts'
import type { GatewayConfig } from '../../config/config.ts'
import { homePaths, type HomePaths } from '../../config/home/home.ts'
import { NO_CREDENTIAL, type CredentialOrigin } from '../../credentials/credential-words.ts'
import { SECOND } from '../../support/clock.ts'
import { findRunning, ForeignListener, GatewayApi, type RunningGateway } from '../client/gateway-api.ts'
import { isForeignLock, lockFile, lockHolder } from '../home-lock.ts'
import { findOtherGateway } from '../other-gateway.ts'
import { editCommand, error, ok, warning, type Finding } from './finding.ts'

/** A working gateway on the same machine answers well within this time. */
const ANSWER_MS = 3 * SECOND

export interface CheckedGateway {
  readonly findings: readonly Finding[]
  readonly running: RunningGateway | null
}

/**
 * Checks whether a gateway is running for this home, and whether it answers.
 *
 * @param credential the one that may be the cause of an outage
 */
export async function checkGateway(
  home: string,
  credential: CredentialOrigin = NO_CREDENTIAL,
): Promise<CheckedGateway> {
  const running = await findRunning(home)
  if (running) return { running, findings: [await probeGateway(home, running, credential)] }
  const other = await findOtherGateway(home)
  if (other !== null) return { running, findings: [error('gateway.other', `${other.sentence}.`, other.stop)] }
  const lock = lockFile(home)
  if (isForeignLock(lock)) {
    const kept = `${lock} was written by another program; the next start keeps it under another name.`
    return { running, findings: [ok('gateway', 'No gateway is running'), warning('lock', kept, null)] }
  }
  const holder = lockHolder(lock)
  if (holder === null) return { running, findings: [ok('gateway', 'No gateway is running')] }
  const message = `A gateway (process ${holder.pid ?? 'of another container'}) is starting, or hangs.`
  return { running, findings: [warning('gateway', message, 'hermes status')] }
}

async function probeGateway(
  home: string,
  { pid, url }: RunningGateway,
  credential: CredentialOrigin,
): Promise<Finding> {
  const get = (path: string) => fetch(new URL(path, url), { signal: AbortSignal.timeout(ANSWER_MS) })
  try {
    await GatewayApi.connect(home, homePaths(home).gatewayToken)
    const health = await get('/healthz')
    if (!health.ok) throw new Error(String(health.status))
    const ready = (await (await get('/readyz')).json()) as { status?: string; reason?: string | null }
    if (ready.status === 'ready') return ok('gateway', `The gateway is running (process ${pid}, ${url})`)
    const cause = outageCause(ready.status ?? 'unknown', ready.reason ?? null, credential)
    return error(
      'gateway',
      `The gateway (process ${pid}) is not answering messages: ${cause}.`,
      'hermes status',
    )
  } catch (cause) {
    if (cause instanceof ForeignListener)
      return error(
        'gateway',
        `Another program listens at ${url}, not the gateway of this home.`,
        'hermes gateway',
      )
    return error(
      'gateway',
      `The gateway (process ${pid}) does not respond at ${url}.`,
      `kill ${pid} && hermes gateway`,
    )
  }
}

/** Checks that the port is free, by listening on it for a moment. For a gateway that is not running. */
export async function checkPort({ host, port }: GatewayConfig, paths: HomePaths): Promise<Finding> {
  const code = await new Promise<string | null>((resolve) => {
    const server = createServer()
    server.once('error', (cause: NodeJS.ErrnoException) => resolve(cause.code ?? 'unknown'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
  const address = `${host}:${port}`
  if (code === null) return ok('port', `${address} is free`)
  const fix = editCommand(paths.config)
  if (code === 'EADDRINUSE')
    return error('port', `${address} is in use by another program; set gateway.port.`, fix)
  if (code === 'EACCES')
    return error('port', `This user may not listen on ${address}; set gateway.port above 1023.`, fix)
  return error('port', `Cannot listen on ${address} (${code}); check gateway.host and gateway.port.`, fix)
}
