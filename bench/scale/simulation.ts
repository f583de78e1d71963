/**
 * A fleet on paper: messages pass the stations of a real one (ingress, database, worker, provider,
 * platform), each with the service times that were measured on this machine. Deterministic: the same
 * seed gives the same figures.
 */

/** Seconds of work that one message costs at each station. */
export interface ServiceTimes {
  /** The ingress process's own time for taking in a message and for handing out its answer. */
  readonly ingress: number
  /** The worker process's own time for a turn. */
  readonly worker: number
  /** One connection's time in the database over a whole message: accept, lease, finish, delivery. */
  readonly database: number
}

export interface Fleet {
  /** Separate databases, each with its own share of the conversations. */
  readonly partitions: number
  /** Connections that one database serves at full speed: its cores. */
  readonly databaseCores: number
  /** Processes that hold platform connections, over all partitions. */
  readonly ingress: number
  readonly workers: number
  /** Model calls that the provider takes at the same time. */
  readonly providerSlots: number
  /** Messages that the platforms take a second, over all bots. */
  readonly platformRate: number
}

export interface Traffic {
  /** Messages a second, as people write them: independent of each other. */
  readonly perSecond: number
  readonly seconds: number
  /** Median of the provider's own time for an answer, in seconds; its spread is lognormal. */
  readonly modelSeconds: number
  /** For so long, from a third of the run on, the provider takes nothing: everything is held. */
  readonly outageSeconds: number
}

export interface Outcome {
  readonly messages: number
  /** What the fleet adds to the provider's own time, in seconds, of messages that met no outage. */
  readonly addedP50: number
  readonly addedP99: number
  /** From the end of the outage until what it left behind was answered; null = none, or not within the run. */
  readonly drainedAfter: number | null
  /** Share of the time that each kind of station worked. */
  readonly busy: Readonly<Record<'ingress' | 'worker' | 'database' | 'provider' | 'platform', number>>
}

/** How widely answers differ in length: a tenth takes more than twice the median. */
const MODEL_SIGMA = 0.6
/** Of the database's time for a message: before the model (accept, lease) and after it (finish, receipt). */
const DATABASE_BEFORE = 0.5
/** The run is measured only after its first seconds, when the stations have filled. */
const WARM_UP_SHARE = 0.1

export function simulate(fleet: Fleet, times: ServiceTimes, traffic: Traffic, seed = 1): Outcome {
  const random = generator(seed)
  const agenda = new Agenda()
  const of = (count: number, servers: number) =>
    Array.from({ length: count }, () => new Station(agenda, servers))
  const ingress = of(fleet.ingress, 1)
  const workers = of(fleet.workers, 1)
  const databases = of(fleet.partitions, fleet.databaseCores)
  const provider = new Station(agenda, fleet.providerSlots)
  const platform = new Pace(agenda, fleet.platformRate)

  const outageFrom = traffic.seconds / 3
  const outageTo = outageFrom + traffic.outageSeconds
  const added: number[] = []
  let messages = 0
  let waitingForRecovery = 0
  let drainedAt: number | null = null

  const exponential = (mean: number) => -Math.log(1 - random()) * mean
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!

  function arrive(): void {
    const at = agenda.now
    messages++
    const database = pick(databases)
    const door = pick(ingress)
    const worker = pick(workers)
    const model = traffic.modelSeconds * Math.exp(MODEL_SIGMA * normal())
    const half = (share: number) => exponential(times.database * share)
    door.serve(exponential(times.ingress / 2), () =>
      database.serve(half(DATABASE_BEFORE), () => {
        const held = agenda.now >= outageFrom && agenda.now < outageTo
        if (held) waitingForRecovery++
        const ask = () =>
          // The worker's own time is spread over the stream of the answer; here it comes before it.
          worker.serve(exponential(times.worker), () =>
            provider.serve(model, () =>
              database.serve(half(1 - DATABASE_BEFORE), () =>
                platform.pass(() =>
                  door.serve(exponential(times.ingress / 2), () => {
                    if (held && --waitingForRecovery === 0 && agenda.now >= outageTo) drainedAt = agenda.now
                    if (!held && at > traffic.seconds * WARM_UP_SHARE && drainedAt === null)
                      added.push(agenda.now - at - model)
                  }),
                ),
              ),
            ),
          )
        if (held) agenda.at(outageTo, ask)
        else ask()
      }),
    )
    if (at < traffic.seconds) agenda.after(exponential(1 / traffic.perSecond), arrive)
  }

  agenda.after(0, arrive)
  agenda.run()
  const sorted = Float64Array.from(added).sort()
  const busy = (stations: readonly Station[]) =>
    stations.reduce((sum, station) => sum + station.busySeconds / station.servers, 0) /
    (stations.length * agenda.now)
  return {
    messages,
    addedP50: sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN,
    addedP99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    drainedAfter: drainedAt === null ? null : drainedAt - outageTo,
    busy: {
      ingress: busy(ingress),
      worker: busy(workers),
      database: busy(databases),
      provider: busy([provider]),
      platform: platform.passed / fleet.platformRate / agenda.now,
    },
  }
}

/** One queue before several equal servers: first come, first served. */
class Station {
  readonly servers: number
  busySeconds = 0
  readonly #agenda: Agenda
  readonly #waiting: Array<{ readonly seconds: number; readonly done: () => void }> = []
  #next = 0
  #free: number

  constructor(agenda: Agenda, servers: number) {
    this.#agenda = agenda
    this.servers = this.#free = servers
  }

  serve(seconds: number, done: () => void): void {
    if (this.#free === 0) {
      this.#waiting.push({ seconds, done })
      return
    }
    this.#free--
    this.#begin(seconds, done)
  }

  #begin(seconds: number, done: () => void): void {
    this.busySeconds += seconds
    this.#agenda.after(seconds, () => {
      const next = this.#waiting[this.#next]
      if (next) {
        // Taken from the front without moving the rest; the array is dropped once it was all served.
        if (++this.#next === this.#waiting.length) this.#waiting.length = this.#next = 0
        this.#begin(next.seconds, next.done)
      } else this.#free++
      done()
    })
  }
}

/** Lets so many a second through; one that comes when nobody else does is not held up. */
class Pace {
  passed = 0
  readonly #agenda: Agenda
  readonly #gap: number
  #next = 0

  constructor(agenda: Agenda, perSecond: number) {
    this.#agenda = agenda
    this.#gap = 1 / perSecond
  }

  pass(done: () => void): void {
    this.passed++
    const at = Math.max(this.#agenda.now, this.#next)
    this.#next = at + this.#gap
    this.#agenda.at(at, done)
  }
}

/** What happens when, earliest first: a binary heap. */
class Agenda {
  now = 0
  readonly #times: number[] = []
  readonly #actions: Array<() => void> = []

  after(seconds: number, action: () => void): void {
    this.at(this.now + seconds, action)
  }

  at(time: number, action: () => void): void {
    let place = this.#times.length
    this.#times.push(time)
    this.#actions.push(action)
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#times[parent]! <= time) break
      this.#move(parent, place)
      place = parent
    }
    this.#put(place, time, action)
  }

  run(): void {
    while (this.#times.length > 0) {
      this.now = this.#times[0]!
      const action = this.#actions[0]!
      this.#removeFirst()
      action()
    }
  }

  #removeFirst(): void {
    const time = this.#times.pop()!
    const action = this.#actions.pop()!
    const size = this.#times.length
    if (size === 0) return
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= size) break
      if (child + 1 < size && this.#times[child + 1]! < this.#times[child]!) child++
      if (this.#times[child]! >= time) break
      this.#move(child, place)
      place = child
    }
    this.#put(place, time, action)
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from]!, this.#actions[from]!)
  }

  #put(place: number, time: number, action: () => void): void {
    this.#times[place] = time
    this.#actions[place] = action
  }
}

/** @see https://en.wikipedia.org/wiki/Linear_congruential_generator, with Knuth's MMIX figures cut to 32 bits */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
