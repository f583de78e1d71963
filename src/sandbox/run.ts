import { once } from 'node:events'
import { MESSAGE_FAULTS, TOKEN_FAULTS } from './faults/fault-names.ts'
import { VISITOR_PACE } from './messages/answer.ts'
import { startSandbox } from './sandbox.ts'
import type { Sandbox, SandboxOptions } from './types.ts'

/** The port after the gateway's own. */
const SANDBOX_PORT = 8643
/** With twenty sandboxes running at once, the port should be given explicitly. */
const PORTS_TRIED = 20

export interface RunOptions {
  /** Left out: the usual port, or the next free one. A port that is given is used or refused. */
  readonly port?: number | undefined
  /** Tokens that a production gateway accepts: for trying a real installation against the sandbox. */
  readonly unmarked?: boolean | undefined
  readonly tokenLifetimeSeconds?: number | undefined
  /** Where the text for people goes; stdout by default. */
  readonly print?: ((text: string) => void) | undefined
  /** Ends the run, as SIGINT and SIGTERM do. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs the simulated Anthropic alone until SIGINT or SIGTERM, and says how to use it.
 *
 * @throws Error with code EADDRINUSE when the given port is taken
 */
export async function runSandbox(options: RunOptions = {}): Promise<void> {
  const print = options.print ?? ((text: string) => void process.stdout.write(`${text}\n`))
  const settings: SandboxOptions = {
    marked: !options.unmarked,
    answer: VISITOR_PACE,
    ...(options.tokenLifetimeSeconds === undefined
      ? {}
      : { tokenLifetimeSeconds: options.tokenLifetimeSeconds }),
  }
  const sandbox =
    options.port === undefined
      ? await startSandboxNear(SANDBOX_PORT, settings)
      : await startSandbox({ ...settings, port: options.port })
  print(introduction(sandbox))
  await ended(options.signal)
  await sandbox.close()
}

/** Starts a sandbox on `port`, or on the next free one after it. */
export async function startSandboxNear(port: number, options: SandboxOptions): Promise<Sandbox> {
  for (let tried = port; ; tried++) {
    try {
      return await startSandbox({ ...options, port: tried })
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!taken || tried >= port + PORTS_TRIED) throw error
    }
  }
}

function introduction(sandbox: Sandbox): string {
  const { url } = sandbox
  const post = (path: string, body?: object) =>
    `  curl -X POST ${url}${path}${body ? ` -d '${JSON.stringify(body)}'` : ''}`
  return `The simulated Anthropic listens on ${url} (this machine only; Ctrl-C ends it).

Settings for a gateway:
  model.base_url             ${url}
  auth.oauth.authorize_url   ${sandbox.authorizeUrl}
  auth.oauth.token_urls      ${sandbox.tokenUrl}
  auth.oauth.redirect_uri    ${sandbox.redirectUri}

An API key, and a sign-in without the page:
${post('/sandbox/api-key')}
${post('/sandbox/sign-in')}

What it has seen, and what is broken:
  curl ${url}/sandbox/state

Break it, and repair it:
${post('/sandbox/expire')}
${post('/sandbox/revoke')}
${post('/sandbox/faults', { target: 'token-endpoint', fault: '500', forMs: 60_000 })}
${post('/sandbox/faults', { target: 'messages', fault: 'usage-limit', resetInMs: 120_000 })}
${post('/sandbox/repair')}

Faults of the token endpoint: ${Object.keys(TOKEN_FAULTS).sort().join(', ')}
Faults of the Messages API:   ${Object.keys(MESSAGE_FAULTS).sort().join(', ')}
In a chat, !help lists what the simulated model obeys.`
}

async function ended(signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController()
  const ends = [
    once(process, 'SIGINT', { signal: over.signal }),
    once(process, 'SIGTERM', { signal: over.signal }),
    ...(signal ? [once(signal, 'abort', { signal: over.signal })] : []),
  ]
  if (!signal?.aborted) await Promise.race(ends)
  // The other listeners are removed, so that the next signal has its default effect again.
  over.abort()
  await Promise.allSettled(ends)
}
