import { CommanderError } from 'commander'
import { MAX_TIMER_MS } from '../support/clock.ts'
import { ConfigurationError, messageOf } from '../support/errors.ts'
import { redact } from '../support/redact.ts'
import { EXIT } from './command.ts'
import { buildProgram } from './program.ts'

/** Runs one command line and sets the process's exit code. Never throws. */
export async function run(argv: readonly string[]): Promise<void> {
  // Our clock's timers keep no process alive. Without this one, a command that only waits (for a
  // port, a lock, a provider that asked for patience) would end in silence, and with success.
  const alive = setInterval(() => undefined, MAX_TIMER_MS)
  // A reader that has seen enough (`hermes … | head`, a log viewer that is closed) is no failure, and no
  // reason to end a gateway in the middle of its work.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe)
  const program = buildProgram((code) => {
    process.exitCode = code
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  } finally {
    clearInterval(alive)
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

function report(error: unknown): number {
  // Commander has already printed its own message, help and version included.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  process.stderr.write(`hermes: ${redact(messageOf(error))}\n`)
  return error instanceof ConfigurationError ? EXIT.configuration : EXIT.failed
}
