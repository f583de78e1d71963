import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { AlertRoute } from '../alert.ts'

/** The variables that a command needs to find programs and the locale; no secrets. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'USER'] as const

/**
 * Runs a program with the alert's text on its standard input; exit code 0 means that it arrived.
 *
 * @param run the argv, never given to a shell
 */
export function commandRoute(run: readonly string[], environment: Readonly<NodeJS.ProcessEnv>): AlertRoute {
  const [program = '', ...args] = run
  return {
    name: `command:${program}`,
    check: () => checkProgram(program, environment),
    send: (alert, signal) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, args, {
          stdio: ['pipe', 'ignore', 'ignore'],
          env: {
            ...Object.fromEntries(PASSED_ON.map((key) => [key, environment[key]])),
            HERMES_ALERT_EVENT: alert.event,
            HERMES_ALERT_ID: alert.id,
          },
          signal,
          // A hanging command must not outlive its timeout.
          killSignal: 'SIGKILL',
        })
        child.on('error', (error) =>
          reject(new Error(`could not be run (${(error as NodeJS.ErrnoException).code})`)),
        )
        child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`ended with ${code}`))))
        // A program need not read its input.
        child.stdin.on('error', () => undefined)
        child.stdin.end(`${alert.text}\n`)
      }),
  }
}

async function checkProgram(
  program: string,
  environment: Readonly<NodeJS.ProcessEnv>,
): Promise<string | null> {
  const candidates = program.includes('/')
    ? [program]
    : (environment.PATH ?? '').split(delimiter).map((folder) => join(folder, program))
  for (const candidate of candidates) {
    if (
      await access(candidate, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return null
  }
  return `${program} is not a program that can be run`
}
