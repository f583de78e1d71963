import { CommanderError } from 'commander'
import { ConfigurationError, messageOf } from '../support/errors.ts'
import { redact } from '../support/redact.ts'
import { EXIT } from './exit-codes.ts'
import { buildProgram } from './program.ts'

/** Runs one command line and sets the process's exit code. Never throws. */
export async function run(argv: readonly string[]): Promise<void> {
  const program = buildProgram((code) => {
    process.exitCode = code
  })
  // A reader that has seen enough (`hermes … | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(process.exitCode ?? EXIT.ok)
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

function report(error: unknown): number {
  // Commander has already printed its own message, help and version included.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  process.stderr.write(`hermes: ${redact(messageOf(error))}\n`)
  return error instanceof ConfigurationError ? EXIT.configuration : EXIT.failed
}
