import type { FleetFixture } from '../processes/fleet-fixture.ts'
import type { Ended, GatewayProcess } from '../processes/gateway-process.ts'
import { pause } from '../until.ts'

const CHATS = Array.from({ length: 6 }, (_, index) => 2_000 + index)
/** The gateway is ready this long after the database works again, at the latest. */
const RECOVERY_MS = 10_000
/** A statement that is not answered is given up before that: so long trouble is not noticed, nor its end. */
const UNNOTICED_MS = 15_000
/** For this long nothing may be confirmed to the platform, and readiness may not waver. */
const WATCHED_MS = 2_000
/** Between two messages of the load. */
const PACE_MS = 150
const TIMEOUT_MS = 90_000
/** The platform is asked for news again within this. */
const POLL_MS = 2_000

/** People who write all the time. */
export class Load {
  /** Messages in each chat. */
  said = 0
  readonly #fixture: FleetFixture
  readonly #tail: string
  readonly #running: Promise<void>
  #ended = false

  /** @param tail what each message ends with */
  constructor(fixture: FleetFixture, tail = '') {
    this.#fixture = fixture
    this.#tail = tail
    this.#running = this.#run()
  }

  /** Resolves when this many more have an answer in the first chat. */
  async answered(more: number): Promise<void> {
    const already = this.#fixture.shown(CHATS[0]!).length
    await this.#fixture.until(
      () => this.#fixture.shown(CHATS[0]!).length >= already + more,
      `${more} answers`,
    )
  }

  /**
   * Ends it, and waits for all answers.
   *
   * @returns chats that do not show each answer once, in order, and what they show
   */
  async end(): Promise<readonly string[]> {
    this.#ended = true
    await this.#running
    const fixture = this.#fixture
    await fixture.until(
      () => CHATS.every((chat) => fixture.shown(chat).length >= this.said),
      'an answer to everything',
      TIMEOUT_MS,
    )
    const right = Array.from({ length: this.said }, (_, index) => index + 1).join()
    return CHATS.flatMap((chat) => {
      const shown = fixture.shown(chat).map((text) => /number (\d+)/.exec(text)?.[1] ?? text)
      return shown.join() === right ? [] : [`${chat}: ${shown.join()}`]
    })
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      this.said++
      for (const chat of CHATS) {
        this.#fixture.telegram.say(chat, `number ${this.said} of ${chat}${this.#tail}`)
        await pause(PACE_MS)
      }
    }
  }
}

/** What a gateway did while its database was in trouble, and afterwards. */
export interface Survival {
  /** What readiness said in the meantime. */
  readonly states: readonly string[]
  /** The status of the answer to a message of the web chat. */
  readonly web: number
  /** Messages that were confirmed to the platform in the meantime. */
  readonly confirmed: number
  /** See `Load.end`. */
  readonly wrong: readonly string[]
  readonly ended: Ended | null
}

/** Nothing is acknowledged, readiness says why, nothing is lost, and nothing is answered twice. */
export const UNHARMED: Survival = {
  states: ['store'],
  web: 503,
  confirmed: 0,
  wrong: [],
  ended: { code: 0, signal: null },
}

/**
 * A gateway under load while its database is in trouble.
 *
 * @param act brings the trouble about; what it resolves with ends it
 * @throws when readiness does not change in time, in either direction
 */
export async function liveThrough(
  fixture: FleetFixture,
  gateway: GatewayProcess,
  act: () => Promise<() => Promise<void>>,
  tail = '',
): Promise<Survival> {
  await fixture.untilHeld()
  const load = new Load(fixture, tail)
  await load.answered(3)

  const restore = await act()
  await untilReadiness(gateway, 503, UNNOTICED_MS)
  const { status: web } = await gateway.say('a', `is anybody there?${tail}`)
  // What was stored before is confirmed when the platform is next asked for news.
  await pause(POLL_MS)
  const before = fixture.telegram.confirmed
  const states = new Set<string>()
  for (const until = performance.now() + WATCHED_MS; performance.now() < until; await pause(20))
    states.add((await gateway.readiness()).state)
  const confirmed = fixture.telegram.confirmed - before
  await restore()
  await untilReadiness(gateway, 200, RECOVERY_MS)
  const then = fixture.telegram.confirmed
  await fixture.until(() => fixture.telegram.confirmed > then, 'receiving to resume', UNNOTICED_MS + POLL_MS)

  const wrong = await load.end()
  return { states: [...states], web, confirmed, wrong, ended: await gateway.kill('SIGTERM') }
}

/** Resolves when `/readyz` answers so. */
async function untilReadiness(gateway: GatewayProcess, status: number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const now = await gateway.readiness()
    if (now.status === status) return
    if (performance.now() > deadline)
      throw new Error(
        `/readyz says ${JSON.stringify(now)} after ${withinMs} ms:\n${gateway.stderr.slice(-3_000)}`,
      )
    await pause(20)
  }
}
