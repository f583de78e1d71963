import { InvalidArgumentError, Option, type Command } from 'commander'

/** What every command is told beside its own options. */
export interface GlobalOptions {
  /** `--home DIR`; undefined: the environment or the default decides. */
  readonly home: string | undefined
}

/** What a group of commands needs to be hung into the program. */
export interface Wiring {
  readonly program: Command
  home(): GlobalOptions
  /** The exit code that the command ended with. */
  finish(exitCode: number): void
}

/** The headings of the main help, in the order in which a person meets them. */
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

/** Examples come first in a help: most readers need no more. */
export function withExamples(command: Command, lines: readonly Example[]): Command {
  const width = Math.max(...lines.map(([text]) => text.length))
  const text = lines.map(([line, what]) => `  ${line.padEnd(width)}   ${what}`.trimEnd())
  return command.addHelpText('before', ['Examples:', ...text, ''].join('\n'))
}

/** How a command ends, where it is more than fine or failed. */
export function withExitCodes(
  command: Command,
  lines: ReadonlyArray<readonly [code: number, what: string]>,
): Command {
  const text = lines.map(([code, what]) => `  ${String(code).padEnd(4)}${what}`)
  return command.addHelpText('after', ['', 'Exit codes:', ...text].join('\n'))
}

/** How every command ends. Scripts and service managers rely on these. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** A person must act: sign in, or mend an account. */
  personMustAct: 3,
  /** Temporarily unavailable; it will mend itself. */
  unavailable: 4,
  /** Configuration error (EX_CONFIG): a service manager must not restart. @see sysexits(3) */
  configuration: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
