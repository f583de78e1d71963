import { execFile } from 'node:child_process'
import { SECOND, sleep, type Clock } from './clock.ts'
import { messageOf } from './errors.ts'

/** Without a watchdog only the status line is told, often enough to be believed. */
const STATUS_EVERY_MS = 30 * SECOND
/** Three beats in the time that systemd waits: one may be lost, one may be late. */
const BEATS_PER_WATCHDOG = 3
/** systemd-notify waits until systemd has read its message; one that hangs is given up. */
const NOTIFY_TIMEOUT_MS = 5 * SECOND

/** What systemd tells a service in its environment. @see sd_notify(3), sd_watchdog_enabled(3) */
export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined
  readonly WATCHDOG_USEC?: string | undefined
  readonly WATCHDOG_PID?: string | undefined
  readonly PATH?: string | undefined
}

export interface ServiceNotifierOptions {
  /**
   * Resolves while the process itself works: its event loop, its store, its dispatcher. An outage
   * of the provider must not count, or systemd would kill a gateway that holds messages.
   */
  readonly alive: () => Promise<void>
  /** One line for `systemctl status`; no secret. */
  readonly statusLine: () => string
  readonly clock: Clock
  /** Called once per period of failure: the program is missing, or the health check fails. */
  readonly onProblem?: (message: string) => void
  readonly environment?: ServiceEnvironment
  /** Sends `KEY=value` assignments; systemd-notify unless a test listens. */
  readonly notify?: (assignments: readonly string[]) => Promise<void>
}

export interface ServiceNotifier extends Disposable {
  /** Reports that the stop has begun, and ends the heartbeats. Never rejects. */
  stopping(): Promise<void>
}

const NOT_A_SERVICE: ServiceNotifier = {
  stopping: () => Promise.resolve(),
  [Symbol.dispose]() {},
}

/**
 * Reports to systemd that the service is ready, its status, and, where the unit has a watchdog, its
 * heartbeat. Does nothing where systemd did not start the process.
 *
 * Node has no unix datagram sockets, so the program `systemd-notify` sends for us; the unit needs
 * `NotifyAccess=all` for that.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 */
export function startServiceNotifier(options: ServiceNotifierOptions): ServiceNotifier {
  const { environment = process.env, clock } = options
  if (!environment.NOTIFY_SOCKET) return NOT_A_SERVICE
  return new Notifier(options, watchdogMs(environment), options.notify ?? systemdNotify(environment, clock))
}

/** How long systemd waits for a heartbeat, in milliseconds; null = it expects none from this process. */
function watchdogMs(environment: ServiceEnvironment): number | null {
  const micros = Number(environment.WATCHDOG_USEC)
  if (!Number.isFinite(micros) || micros <= 0) return null
  if (environment.WATCHDOG_PID && Number(environment.WATCHDOG_PID) !== process.pid) return null
  return micros / 1000
}

class Notifier implements ServiceNotifier {
  readonly #options: ServiceNotifierOptions
  readonly #notify: (assignments: readonly string[]) => Promise<void>
  readonly #watchdog: boolean
  readonly #everyMs: number
  readonly #stop = new AbortController()
  #troubled = false

  constructor(
    options: ServiceNotifierOptions,
    watchdog: number | null,
    notify: (assignments: readonly string[]) => Promise<void>,
  ) {
    this.#options = options
    this.#notify = notify
    this.#watchdog = watchdog !== null
    this.#everyMs = watchdog === null ? STATUS_EVERY_MS : watchdog / BEATS_PER_WATCHDOG
    void this.#run()
  }

  async stopping(): Promise<void> {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    await this.#report(['STOPPING=1', 'STATUS=stopping'])
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    await this.#report(['READY=1', this.#status()])
    while (!signal.aborted) {
      await this.#beat()
      await sleep(this.#options.clock, this.#everyMs, signal).catch(() => {})
    }
  }

  /** A heartbeat only after a successful health check; without one systemd restarts the service. */
  async #beat(): Promise<void> {
    const dead = await this.#proof()
    if (this.#stop.signal.aborted) return
    if (dead !== null) {
      this.#problem(`no sign of life is sent to systemd: ${dead}`)
      return void (await this.#report(['STATUS=does not work; systemd will restart it']))
    }
    const told = await this.#report([...(this.#watchdog ? ['WATCHDOG=1'] : []), this.#status()])
    if (told) this.#troubled = false
  }

  async #proof(): Promise<string | null> {
    const late = new AbortController()
    const { clock, alive } = this.#options
    const tooLate = sleep(clock, this.#everyMs, late.signal).then(
      () => 'no answer in time',
      () => null,
    )
    try {
      return await Promise.race([alive().then(() => null, messageOf), tooLate])
    } finally {
      late.abort()
    }
  }

  #status(): string {
    // A line break would end the assignment and begin another.
    return `STATUS=${this.#options.statusLine().replaceAll(/\s+/g, ' ')}`
  }

  async #report(assignments: readonly string[]): Promise<boolean> {
    try {
      await this.#notify(assignments)
      return true
    } catch (error) {
      this.#problem(`systemd cannot be told how the service does: ${messageOf(error)}`)
      return false
    }
  }

  #problem(message: string): void {
    if (this.#troubled) return
    this.#troubled = true
    this.#options.onProblem?.(message)
  }
}

/** Only what the program needs goes into its environment: ours holds secrets. */
function systemdNotify(environment: ServiceEnvironment, clock: Clock) {
  let last: Promise<unknown> = Promise.resolve()
  const run = (assignments: readonly string[]) =>
    new Promise<void>((resolve, reject) => {
      const env = { PATH: environment.PATH ?? '/usr/bin:/bin', NOTIFY_SOCKET: environment.NOTIFY_SOCKET }
      const child = execFile('systemd-notify', [...assignments], { env }, (error) => {
        timer.cancel()
        if (error) reject(new Error(`systemd-notify failed (${error.code ?? error.signal})`))
        else resolve()
      })
      const timer = clock.setTimer(() => child.kill('SIGKILL'), NOTIFY_TIMEOUT_MS)
    })
  // One at a time, so that a status never overtakes a newer one.
  return (assignments: readonly string[]): Promise<void> => {
    const next = last.then(() => run(assignments))
    last = next.catch(() => {})
    return next
  }
}
