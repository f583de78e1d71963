import type { Candidacy, Fleet, FleetMember, FleetNews, Role, Service } from '../../../inbox/fleet/fleet.ts'
import type { Inbox } from '../../../inbox/inbox.ts'
import { MINUTE, SECOND, type Clock, type Timer } from '../../../support/clock.ts'
import type { Database } from '../connection/database.ts'
import type { Wake } from '../inbox/apply.ts'
import { Contender } from './contender.ts'
import { FleetWork } from './fleet-work.ts'
import { Notifier } from './notifier.ts'
import { OutageIds } from './outage-ids.ts'
import { Processes } from './processes.ts'
import { TurnClaims } from './turn-claims.ts'
import { WakeUpQueue } from './wake-up-queue.ts'
import { WakeUps } from './wake-ups.ts'

/** How often one process recovers the work and the jobs of dead processes. */
const UPKEEP_EVERY_MS = 2 * SECOND
/** A sweep over all waiting conversations takes time in a long queue: at most this share of one process's time. */
const SWEEP_SHARE = 0.02
const SWEEP_AT_LEAST_EVERY_MS = 5 * SECOND
/** A job disappears without its conversation only by accident. */
const LOST_EVERY_MS = 5 * MINUTE

/** How often a process sends the jobs that it left out because the queue was full: as many as fit are fetched in about this time. */
const REFILL_EVERY_MS = 0.2 * SECOND

/** Long enough to restart the only worker, or its machine. */
const NO_WORKERS_AFTER_MS = MINUTE

/** The right to maintain the shared queue, held by one process at a time. */
const UPKEEP = 'queue'
/** The right to do what concerns people once for the whole fleet: alerts, notices, retention. */
const LEADER = 'leader'

export interface JoinOptions {
  readonly database: Database
  readonly id: string
  readonly role: Role
  readonly host: string
  readonly version: string
  /** Identifies the home whose lock this process holds. */
  readonly home: string
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

/** One of several gateways on a PostgreSQL database. */
export interface JoinedFleet extends Fleet {
  /** For the storage: see `StoreContext.wake`. */
  readonly wake: Wake
  /** For the storage. */
  readonly work: FleetWork
  /** The inbox with one shared id for each outage. */
  unite(inbox: Inbox): Inbox
}

/**
 * Adds this process to those that work on the database. The schema and the queue's own tables must exist
 * (`migrate`, `prepareQueue`).
 *
 * @throws StoreError
 */
export async function joinFleet(options: JoinOptions): Promise<JoinedFleet> {
  const queue = await WakeUpQueue.open(options.database)
  const fleet = new PostgresFleet(options, queue)
  try {
    await fleet.start()
  } catch (error) {
    await fleet.stop()
    throw error
  }
  return fleet
}

class PostgresFleet implements JoinedFleet {
  readonly id: string
  readonly role: Role
  readonly work: FleetWork
  readonly wake: JoinedFleet['wake']
  readonly #options: JoinOptions
  readonly #queue: WakeUpQueue
  readonly #wakeUps: WakeUps
  readonly #notifier: Notifier
  readonly #processes: Processes
  readonly #outages: OutageIds
  readonly #contenders = new Set<Contender>()
  #upkeep: Candidacy | null = null
  #refilling: (() => Promise<void>) | null = null
  /** Monotonic. */
  #answeredAt: number

  constructor(options: JoinOptions, queue: WakeUpQueue) {
    const { database, id, role, host, version, home, clock, onProblem } = options
    this.id = id
    this.role = role
    this.#options = options
    this.#answeredAt = clock.monotonic()
    this.#queue = queue
    this.#wakeUps = new WakeUps(database, queue)
    const isAlone = () => {
      const { members } = this.#processes
      return members.length === 1 && members[0]!.id === id
    }
    this.#notifier = new Notifier({ database, id, clock, isAlone, onProblem })
    const { pid } = process
    const onReturned = () => void this.#notifier.greet()
    this.#processes = new Processes({
      database,
      id,
      role,
      host,
      pid,
      version,
      home,
      clock,
      onReturned,
      onProblem,
    })
    this.#outages = new OutageIds(database)
    this.wake = (conversations) => this.#wakeUps.wanted(conversations)
    this.work = new FleetWork({
      id,
      queue,
      claims: new TurnClaims({ database, queue, wake: this.wake, clock }),
      wakeUps: this.#wakeUps,
      clock,
      answers: role !== 'ingress',
      notify: (news) => this.notify(news),
      onProblem,
    })
  }

  async start(): Promise<void> {
    // Listens before it reads, so that nothing in between is missed.
    this.#notifier.start()
    this.listen((news) => {
      if (news.kind === 'work' || news.kind === 'missed') this.work.nudge()
      if (news.kind === 'released' || news.kind === 'missed')
        for (const each of this.#contenders) each.nudge()
    })
    await this.#processes.start()
    if (this.#processes.members.length > 1) await this.#notifier.greet()
    // No other process is alive, so every fetched job belonged to a dead one.
    if (this.#processes.members.length === 1) await this.#wakeUps.wakeTaken()
    this.#upkeep = await this.hold(UPKEEP, async () => this.#startUpkeep())
    this.#refilling = this.#repeat(REFILL_EVERY_MS, () => this.#refill())
  }

  workers(): number {
    return Math.max(1, this.#processes.members.filter(({ role }) => role !== 'ingress').length)
  }

  get hasStandby(): boolean {
    return this.#processes.members.some(({ id, role }) => id !== this.id && role !== 'worker')
  }

  get hasNoWorkers(): boolean {
    const { clock } = this.#options
    const answered = this.#processes.members.some(({ role }) => role !== 'ingress')
    if (answered || this.#processes.members.length === 0) this.#answeredAt = clock.monotonic()
    return clock.monotonic() - this.#answeredAt >= NO_WORKERS_AFTER_MS
  }

  notify(news: FleetNews): void {
    this.#notifier.notify(news)
  }

  listen(listener: (news: FleetNews) => void): Disposable {
    return this.#notifier.listen(listener)
  }

  hold(name: string, serve: Service): Promise<Candidacy> {
    return this.#compete(name, serve, () => true)
  }

  lead(serve: Service): Promise<Candidacy> {
    // Alerts are sent through the platforms, to which a worker does not connect.
    const others = () => this.#processes.members.some(({ role }) => role !== 'worker')
    return this.#compete(LEADER, serve, () => this.role !== 'worker' || !others())
  }

  async #compete(name: string, serve: Service, wanted: () => boolean): Promise<Candidacy> {
    const { database, id, clock, onProblem } = this.#options
    const contender = new Contender({
      database,
      name,
      holder: id,
      clock,
      serve,
      wanted,
      onReleased: () => this.notify({ kind: 'released' }),
      onProblem,
    })
    this.#contenders.add(contender)
    await contender.start()
    return {
      stop: async () => {
        this.#contenders.delete(contender)
        await contender.stop()
      },
    }
  }

  async members(): Promise<readonly FleetMember[]> {
    const [members, leases] = [
      await this.#processes.load(),
      await this.#options.database.query<{ name: string; holder: string }>(
        'SELECT name, holder FROM hermes.leases WHERE expires_at > clock_timestamp() ORDER BY name',
      ),
    ]
    return members.map((member) => ({
      ...member,
      holds: leases.filter(({ holder }) => holder === member.id).map(({ name }) => name),
    }))
  }

  unite(inbox: Inbox): Inbox {
    return this.#outages.unite(inbox)
  }

  async outageOver(): Promise<void> {
    await this.#outages.over().catch(this.#options.onProblem)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#refilling?.(), this.#upkeep?.stop()])
    // Was kept until now, because no other process would have continued it.
    await Promise.all([...this.#contenders].map((contender) => contender.stop()))
    this.#contenders.clear()
    await this.#queue.close()
    await this.#processes.stop()
    await this.#notifier.stop()
  }

  /** The regular work of one process for the shared queue. @returns how to stop it */
  #startUpkeep(): () => Promise<void> {
    const { clock } = this.#options
    const taken = new Set<string>()
    let sweepAt = 0
    let lostAt = 0
    const round = async () => {
      if ((await this.#wakeUps.takeOver(taken)) > 0) this.#notifyAll()
      await this.#queue.supervise()
      if (clock.monotonic() >= lostAt) {
        await this.#wakeUps.wakeLost()
        await this.#processes.forget()
        lostAt = clock.monotonic() + LOST_EVERY_MS
      }
      if (clock.monotonic() < sweepAt || !this.work.mayAnswer) return
      const began = clock.monotonic()
      if ((await this.#wakeUps.wakeAll()) > 0) this.#notifyAll()
      const took = clock.monotonic() - began
      sweepAt = clock.monotonic() + Math.max(SWEEP_AT_LEAST_EVERY_MS, took / SWEEP_SHARE)
    }
    return this.#repeat(UPKEEP_EVERY_MS, round)
  }

  async #refill(): Promise<void> {
    if (!this.#wakeUps.hasLeftOut || !this.work.mayAnswer) return
    if ((await this.#wakeUps.wakeMore()) > 0) this.#notifyAll()
  }

  /** Begins at once, and pauses after each round. @returns how to stop it */
  #repeat(everyMs: number, round: () => Promise<void>): () => Promise<void> {
    const { clock, onProblem } = this.#options
    let timer: Timer
    let over = false
    let busy = Promise.resolve()
    const next = () => {
      busy = round()
        .catch(onProblem)
        .finally(() => {
          if (!over) timer = clock.setTimer(next, everyMs)
        })
    }
    next()
    return async () => {
      over = true
      timer?.cancel()
      await busy
    }
  }

  /** There is work, for this process as well as for the others. */
  #notifyAll(): void {
    this.notify({ kind: 'work' })
    this.work.nudge()
  }
}
