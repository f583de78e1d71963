import { SECOND } from '../support/clock.ts'
import { messageOf } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { redact } from '../support/text/redact.ts'
import { EXIT, type ExitCode } from './command.ts'

/** From a service manager, Ctrl-C and a closed terminal. */
const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** An ordinary stop takes 35 s at most, its last parts slightly longer. Whatever is left by then hangs. */
const END_WITHIN_MS = 40 * SECOND

/** Everything has stopped: a handle that still keeps the process alive was leaked, and holds no state. */
const END_AFTER_STOP_MS = 2 * SECOND

/** During the stop, further errors are usually consequences of the first. */
const MAX_ERRORS_LOGGED = 10

/** Why a gateway is to stop. */
export type StopReason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** An uncaught error: the state in memory can no longer be trusted. */
  | { readonly kind: 'crash' }

type OnUncaught = (error: unknown) => void

/** A command has nothing to hand back: it prints the error like any other and exits. */
const endCommand: OnUncaught = (error) => {
  process.stderr.write(`hermes: ${redact(messageOf(error))}\n`)
  process.exit(EXIT.failed)
}

let onUncaught = endCommand

/** Node would print an uncaught error unredacted. An unhandled rejection arrives here, too. */
export function catchTheUncaught(): void {
  process.on('uncaughtException', (error) => onUncaught(error))
}

/** Ends a gateway's process: on a signal or an uncaught error, and within a bounded time. */
export class ProcessEnd implements Disposable {
  readonly #asked = Promise.withResolvers<StopReason>()
  #log: Log | null = null
  #errors = 0
  #limit: NodeJS.Timeout | null = null

  /** From now on signals and uncaught errors request a stop. */
  constructor() {
    for (const signal of STOP_SIGNALS) process.on(signal, this.#onSignal)
    onUncaught = (error) => this.#onError(error)
  }

  /** Resolves with the first reason. A second signal ends the process immediately. */
  get asked(): Promise<StopReason> {
    return this.#asked.promise
  }

  /** Uncaught errors are logged there from now on. */
  logTo(log: Log): void {
    this.#log = log
  }

  /** Signals have their usual effect again. */
  [Symbol.dispose](): void {
    for (const signal of STOP_SIGNALS) process.removeListener(signal, this.#onSignal)
  }

  readonly #onSignal = (signal: NodeJS.Signals) => {
    this.#ask({ kind: 'signal', signal })
  }

  #onError(error: unknown): void {
    // Whatever stops from now on knows that this is no end in order.
    process.exitCode = EXIT.failed
    this.#ask({ kind: 'crash' })
    if (++this.#errors > MAX_ERRORS_LOGGED) return
    const text = 'uncaught error: handing back current answers, then exiting'
    if (this.#log) this.#log.fatal({ err: error }, text)
    else process.stderr.write(`hermes: ${redact(messageOf(error))}\n`)
  }

  /** Everything has stopped: the process ends with `code` even if a leaked handle keeps it alive. */
  stopped(code: ExitCode): void {
    this.#endWithin(END_AFTER_STOP_MS, code)
  }

  #ask(reason: StopReason): void {
    this[Symbol.dispose]()
    this.#asked.resolve(reason)
    if (!this.#limit) this.#endWithin(END_WITHIN_MS, EXIT.failed)
  }

  /** Covers a start or stop that hangs, and leaked handles. */
  #endWithin(ms: number, code: ExitCode): void {
    if (this.#limit) clearTimeout(this.#limit)
    const end = () => {
      this.#log?.error(`still running after ${ms / SECOND} s; exiting now`)
      process.exit(code)
    }
    this.#limit = setTimeout(end, ms).unref()
  }
}
