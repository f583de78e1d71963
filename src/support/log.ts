import { Writable } from 'node:stream'
import { pino, type DestinationStream, type Logger } from 'pino'
import { messageOf } from './errors.ts'
import { printableOutput } from './text/printable.ts'
import { redactLine } from './text/redact.ts'

export type Log = Logger

export interface LogOptions {
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  readonly format?: 'auto' | 'pretty' | 'json'
  readonly level?: string
  /** Where lines go; stderr unless a test listens. */
  readonly destination?: DestinationStream
}

/** Diagnostics go to stderr: stdout belongs to what a command is asked to print. */
export async function createLog(options: LogOptions = {}): Promise<Log> {
  const stderr: DestinationStream = { write: (line) => void process.stderr.write(line) }
  let sink = options.destination ?? stderr
  const format = options.format ?? 'auto'
  if (format === 'pretty' || (format === 'auto' && !options.destination && process.stderr.isTTY)) {
    const { PinoPretty } = await import('pino-pretty')
    const stream = PinoPretty({
      // What servers and people wrote must not command the terminal.
      destination: new Writable({
        decodeStrings: false,
        write: (text: string, _encoding, done) =>
          void process.stderr.write(printableOutput(text), () => done()),
      }),
      colorize: process.stderr.isTTY,
      ignore: 'pid,hostname',
      translateTime: 'SYS:HH:MM:ss',
      sync: true,
    })
    sink = { write: (line) => void stream.write(line) }
  }
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      // Words instead of pino's numbers: people read JSON logs, too.
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: plainError, error: plainError },
    },
    { write: (line: string) => sink.write(redactLine(line)) },
  )
}

/** Only what is ours of an error: an SDK's error carries headers and bodies that must not be logged. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, stack, cause } = error
  return {
    type: name,
    message: error.message,
    ...(cause === undefined ? {} : { cause: messageOf(cause) }),
    stack: stack?.split('\n').slice(1, 6).join('\n'),
  }
}
