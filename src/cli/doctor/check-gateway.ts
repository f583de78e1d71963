import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { GatewayConfig } from '../../config/config.ts'
import type { HomePaths } from '../../config/home/home.ts'
import { SECOND } from '../../support/clock.ts'
import { findRunning, type RunningGateway } from '../client/running.ts'
import { editCommand, error, ok, warning, type Finding } from './finding.ts'

/** A gateway on the same machine answers at once, or it does not work. */
const ANSWER_MS = 3 * SECOND

export interface CheckedGateway {
  readonly findings: readonly Finding[]
  readonly running: RunningGateway | null
}

/** Does a gateway run on this home, and does it answer? */
export async function checkGateway(home: string): Promise<CheckedGateway> {
  const running = await findRunning(home)
  if (running) return { running, findings: [await askGateway(running)] }
  const holder = lockHolder(join(home, 'gateway.lock'))
  if (holder === null) return { running, findings: [ok('gateway', 'No gateway runs on this home')] }
  const message = `A gateway (process ${holder}) is starting on this home, or hangs.`
  return { running, findings: [warning('gateway', message, 'hermes status')] }
}

async function askGateway({ pid, url }: RunningGateway): Promise<Finding> {
  const ask = (path: string) => fetch(new URL(path, url), { signal: AbortSignal.timeout(ANSWER_MS) })
  try {
    const health = await ask('/healthz')
    if (!health.ok) throw new Error(String(health.status))
    const ready = (await (await ask('/readyz')).json()) as { status?: string; reason?: string | null }
    if (ready.status === 'ready') return ok('gateway', `A gateway runs on this home (process ${pid}, ${url})`)
    const reason = ready.reason ? ` (${ready.reason})` : ''
    return error(
      'gateway',
      `The gateway runs (process ${pid}) and does not answer messages: ${ready.status}${reason}.`,
      'hermes status',
    )
  } catch {
    return error(
      'gateway',
      `The gateway's process ${pid} is there, but nothing answers at ${url}.`,
      `kill ${pid} && hermes gateway`,
    )
  }
}

/** The process that holds the lock of a file, without touching the lock; null = none does, or the system does not tell. */
function lockHolder(path: string): number | null {
  try {
    const { ino } = statSync(path)
    const line = readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .find((each) => each.includes(`:${ino} `))
    const pid = Number(line?.trim().split(/\s+/)[4])
    return pid > 0 ? pid : null
  } catch {
    return null
  }
}

/** Is the port free for a gateway that does not run at the moment? It is held for an instant. */
export async function checkPort({ host, port }: GatewayConfig, paths: HomePaths): Promise<Finding> {
  const code = await new Promise<string | null>((resolve) => {
    const server = createServer()
    server.once('error', (cause: NodeJS.ErrnoException) => resolve(cause.code ?? 'unknown'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
  const place = `${host}:${port}`
  if (code === null) return ok('port', `${place} is free`)
  const mend = editCommand(paths.config)
  if (code === 'EADDRINUSE')
    return error('port', `${place} is taken by another program; set gateway.port.`, mend)
  if (code === 'EACCES')
    return error('port', `${place} may not be listened on by this user; set gateway.port above 1023.`, mend)
  return error(
    'port',
    `${place} cannot be listened on (${code}); look at gateway.host and gateway.port.`,
    mend,
  )
}
