import { CommanderError } from 'commander'
import { MAX_TIMER_MS } from '../support/clock.ts'
import { ConfigurationError, messageOf } from '../support/errors.ts'
import { EXIT } from './command.ts'
import { catchTheUncaught } from './process-end.ts'
import { buildProgram } from './program.ts'
import { printError } from './terminal/output.ts'

/** Runs one command line and sets the process's exit code. Never throws. */
export async function run(argv: readonly string[]): Promise<void> {
  // Our clock's timers do not keep the process alive. Without this one, a command that only waits (for a
  // port, a lock, a Retry-After) would exit silently, with success.
  const alive = setInterval(() => undefined, MAX_TIMER_MS)
  // A closed pipe (`hermes … | head`, a log viewer that was closed) is no failure and must not stop a
  // running gateway.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe)
  catchTheUncaught()
  const program = buildProgram((code) => {
    process.exitCode = code
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = reportError(error)
  } finally {
    clearInterval(alive)
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

function reportError(error: unknown): number {
  // Commander has already printed its message, including help and version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  printError(messageOf(error))
  return error instanceof ConfigurationError ? EXIT.configuration : EXIT.failed
}
