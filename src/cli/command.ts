import { InvalidArgumentError, Option, type Command } from 'commander'

/** Options that every command accepts. */
export interface GlobalOptions {
  /** `--home DIR`; undefined: `$HERMES_HOME` or the default. */
  readonly home: string | undefined
}

/** What a group of commands needs to register itself with the program. */
export interface Wiring {
  readonly program: Command
  home(): GlobalOptions
  /** Records the command's exit code. */
  finish(exitCode: number): void
}

/** The headings of the main help, in the order in which people need them. */
export const GROUP = {
  start: 'Set up:',
  run: 'Run and talk:',
  signIn: 'Sign-in:',
  messages: 'Messages and outages:',
  people: 'People and data:',
  tools: 'Tools:',
} as const

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON object and nothing else')
}

export function portOption(description: string): Option {
  return new Option('--port <n>', description).argParser(parsePort)
}

function parsePort(value: string): number {
  const port = Number(value)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  }
  return port
}

export type Example = readonly [command: string, what: string]

/** Prints examples before everything else: most readers need nothing more. */
export function withExamples(command: Command, lines: readonly Example[]): Command {
  const width = Math.max(...lines.map(([text]) => text.length))
  const text = lines.map(([line, what]) => `  ${line.padEnd(width)}   ${what}`.trimEnd())
  return command.addHelpText('before', ['Examples:', ...text, ''].join('\n'))
}

/** Documents the exit codes of a command that has more than success and failure. */
export function withExitCodes(
  command: Command,
  lines: ReadonlyArray<readonly [code: number, what: string]>,
): Command {
  const text = lines.map(([code, what]) => `  ${String(code).padEnd(4)}${what}`)
  return command.addHelpText('after', ['', 'Exit codes:', ...text].join('\n'))
}

/** The exit codes of all commands. Scripts and service managers rely on them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** A person must act: sign in, or fix the account. */
  personMustAct: 3,
  /** Temporarily unavailable; retried automatically. */
  unavailable: 4,
  /** Configuration error (EX_CONFIG): a service manager must not restart. @see sysexits(3) */
  configuration: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
