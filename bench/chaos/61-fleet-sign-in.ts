import type { Random } from '../../test/support/chance.ts'
import type { Answer, SignInProcess } from '../../test/support/processes/processes.ts'
import { SignInFleet } from '../../test/support/processes/sign-in-fleet.ts'
import { PostgresServer } from '../../test/support/stores/postgres-server.ts'
import { pause } from '../../test/support/until.ts'
import type { ChaosFigures, ChaosRow } from './row.ts'

const PROCESSES = 4

/** Four gateways on one database: at each expiry all of them want a new token at once. */
export const fleetSignIn: ChaosRow = {
  fault: 61,
  title: '4 processes on one sign-in in PostgreSQL',
  rounds: 1_000,
  async run(rounds) {
    await using server = await PostgresServer.start({ durable: true })
    await using fleet = await SignInFleet.on(await server.createDatabase())
    const processes = await Promise.all(Array.from({ length: PROCESSES }, () => fleet.process()))
    const broken: string[] = []
    for (let round = 1; round <= rounds && broken.length === 0; round++) {
      const answers = await Promise.all(processes.map((each) => each.ask('refresh')))
      if (new Set(answers.map(({ access }) => access)).size !== 1)
        broken.push(`round ${round}: not on one token`)
      if (fleet.sandbox.counts.tokenRequests !== round)
        broken.push(`round ${round}: not one request an expiry`)
    }
    return figures(rounds, fleet, 0, broken, `${PROCESSES} processes`)
  },
}

/** Between two disturbances, at most. */
const CALM_MS = 2_500
/** Longer than a lease lasts now and then, so that others take it over. */
const STOPPED_MS = 9_000
/** The token request takes so long that many a disturbance falls into it. */
const REQUEST_MS = 15
/** No process is stopped, and none has stored anything: the one that had asked is dead. */
const DEAD_AFTER_MS = 9_000

/** The same while one of them is killed or stopped every few seconds. */
export const disturbedFleet: ChaosRow = {
  fault: 61,
  title: '4 processes on one sign-in in PostgreSQL, killed and stopped',
  rounds: 1_000,
  async run(rounds, random) {
    await using server = await PostgresServer.start({ durable: true })
    await using fleet = await SignInFleet.on(await server.createDatabase())
    fleet.sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: REQUEST_MS })
    await using members = await Members.of(fleet, random)
    const disturbing = members.disturb()
    const { sandbox } = fleet
    const broken: string[] = []
    let lost = 0
    let repeated = 0
    for (let round = 1; round <= rounds && broken.length === 0; round++) {
      const before = await fleet.stored()
      const requests = sandbox.counts.tokenRequests
      let repeats = 0
      const began = performance.now()
      let quietSince = began
      for (;;) {
        await members.ask('refresh')
        if ((await fleet.stored()) !== before) break
        // The process with the answer may be stopped: only when none is, for long enough, was the answer
        // lost with its process.
        members.calm = performance.now() - began > DEAD_AFTER_MS
        if (members.stopped > 0) quietSince = performance.now()
        if (performance.now() - quietSince < DEAD_AFTER_MS) {
          await pause(20)
          continue
        }
        // As keepers do when the access token has expired: once per step, by the holder of the lease.
        const sent = sandbox.counts.tokenRequests
        const answers = await members.ask('repeat')
        repeats += sandbox.counts.tokenRequests - sent
        if (!answers.some(({ reason }) => reason === 'lost-in-rotation')) continue
        const rotated = sandbox.events.some((event) => event.kind === 'rotated' && event.issued !== before)
        if (!rotated) broken.push(`round ${round}: lost although nothing was rotated`)
        lost++
        await fleet.signIn()
        await members.ask('read')
        break
      }
      members.calm = false
      repeated += repeats
      const spent = sandbox.counts.tokenRequests - requests - repeats
      if (spent > 1) broken.push(`round ${round}: ${spent} requests`)
    }
    await disturbing.end()
    const notes = `${members.kills} killed, ${members.stops} stopped; ${lost} answers died with their process, ${repeated} repeats`
    return figures(rounds, fleet, lost, broken, notes)
  },
}

interface Member {
  process: SignInProcess
  stopped: boolean
  /** What it was asked and has not answered yet. */
  pending: Promise<Answer | null> | null
}

/** The processes of a fleet, some of which are stopped or dead at any moment. */
class Members implements AsyncDisposable {
  kills = 0
  stops = 0
  /** Nobody is disturbed for now. */
  calm = false
  readonly #fleet: SignInFleet
  readonly #random: Random
  readonly #members: Member[] = []
  #ended = false

  private constructor(fleet: SignInFleet, random: Random) {
    this.#fleet = fleet
    this.#random = random
  }

  static async of(fleet: SignInFleet, random: Random): Promise<Members> {
    const members = new Members(fleet, random)
    for (let count = 0; count < PROCESSES; count++) {
      members.#members.push({ process: await start(fleet), stopped: false, pending: null })
    }
    return members
  }

  get stopped(): number {
    return this.#members.filter(({ stopped }) => stopped).length
  }

  /** Asks all who can hear it; resolves when those who still can have answered. */
  async ask(what: 'refresh' | 'repeat' | 'read'): Promise<Answer[]> {
    const asked = this.#members.filter(({ stopped, pending }) => !stopped && pending === null)
    for (const member of asked) {
      const pending = member.process.ask(what).catch(() => null)
      member.pending = pending
      void pending.finally(() => {
        if (member.pending === pending) member.pending = null
      })
    }
    const answers: Answer[] = []
    for (const member of asked) {
      while (member.pending && !member.stopped) {
        const answer = await Promise.race([member.pending, pause(20)])
        if (answer) answers.push(answer)
      }
    }
    return answers
  }

  /** Kills or stops one of them every few seconds, until it is ended. */
  disturb(): { end(): Promise<void> } {
    const running = this.#disturb()
    return {
      end: async () => {
        this.#ended = true
        await running
      },
    }
  }

  async #disturb(): Promise<void> {
    while (!this.#ended) {
      await pause(this.#random() * CALM_MS)
      if (this.calm) continue
      const member = this.#members[Math.floor(this.#random() * PROCESSES)]!
      if (member.stopped) continue
      if (this.#random() < 0.5) {
        this.kills++
        member.stopped = true
        await member.process.kill()
        member.process = await start(this.#fleet)
        member.pending = null
      } else {
        this.stops++
        member.stopped = true
        member.process.signal('SIGSTOP')
        await pause(this.#random() ** 2 * STOPPED_MS)
        member.process.signal('SIGCONT')
      }
      member.stopped = false
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    for (const { process } of this.#members) process.signal('SIGCONT')
  }
}

function start(fleet: SignInFleet): Promise<SignInProcess> {
  return fleet.process({ mayRepeat: false, lockWaitMs: 500, backoffMs: 100 })
}

function figures(
  rounds: number,
  { sandbox }: SignInFleet,
  lost: number,
  broken: string[],
  notes: string,
): ChaosFigures {
  const { tokenRequests, replays, invalidGrants } = sandbox.counts
  // An answer that died with its process is asked for once more: that repeat is the rule, not a double.
  return {
    rounds,
    tokenRequests,
    doubles: Math.max(0, replays - lost),
    lost: Math.max(0, invalidGrants - lost),
    notes,
    broken,
  }
}
