import { SECOND } from '../support/clock.ts'
import { messageOf } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { redact } from '../support/redact.ts'
import { EXIT, type ExitCode } from './command.ts'

/** From a service manager, Ctrl-C and a closed terminal. */
const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** An ordinary stop takes 35 s at most, its last parts a little longer. What is left by then hangs. */
const END_WITHIN_MS = 40 * SECOND

/** Everything is stopped: whatever still keeps the process alive was forgotten, and has nothing to lose. */
const END_AFTER_STOP_MS = 2 * SECOND

/** Further errors while the process ends are mostly more of the same. */
const MAX_ERRORS_LOGGED = 10

/** Why a gateway is to stop. */
export type StopReason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** An error that nobody caught: what this process holds in memory may be wrong from here on. */
  | { readonly kind: 'crash' }

type OnUncaught = (error: unknown) => void

/** A command has nothing to hand back: its error goes to the terminal like any other, and it ends. */
const endCommand: OnUncaught = (error) => {
  process.stderr.write(`hermes: ${redact(messageOf(error))}\n`)
  process.exit(EXIT.failed)
}

let onUncaught = endCommand

/** Node would print an error that nobody caught as it is, with what it holds. A rejection is one, too. */
export function catchTheUncaught(): void {
  process.on('uncaughtException', (error) => onUncaught(error))
}

/** The end of a gateway's process: what asks for it, and that it comes. */
export class ProcessEnd implements Disposable {
  readonly #asked = Promise.withResolvers<StopReason>()
  #log: Log | null = null
  #errors = 0
  #limit: NodeJS.Timeout | null = null

  /** From now on signals and errors that nobody caught ask for a stop. */
  constructor() {
    for (const signal of STOP_SIGNALS) process.on(signal, this.#onSignal)
    onUncaught = (error) => this.#onError(error)
  }

  /** Resolves with what came first. A second signal ends the process immediately. */
  get asked(): Promise<StopReason> {
    return this.#asked.promise
  }

  /** From now on errors go there. */
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
    this.#ask({ kind: 'crash' })
    if (++this.#errors > MAX_ERRORS_LOGGED) return
    const text = 'an error that nobody caught; returning current answers to the queue, then exiting'
    if (this.#log) this.#log.fatal({ err: error }, text)
    else process.stderr.write(`hermes: ${redact(messageOf(error))}\n`)
  }

  /** Everything has been stopped in good order: the process ends with `code`, whatever still keeps it alive. */
  stopped(code: ExitCode): void {
    this.#endWithin(END_AFTER_STOP_MS, code)
  }

  #ask(reason: StopReason): void {
    this[Symbol.dispose]()
    this.#asked.resolve(reason)
    if (!this.#limit) this.#endWithin(END_WITHIN_MS, EXIT.failed)
  }

  /** For a start that hangs, and for what keeps a stopped process alive. */
  #endWithin(ms: number, code: ExitCode): void {
    if (this.#limit) clearTimeout(this.#limit)
    const end = () => {
      this.#log?.error(`the process did not exit within ${ms / SECOND} s; ending it`)
      process.exit(code)
    }
    this.#limit = setTimeout(end, ms).unref()
  }
}
