import { Client } from 'pg'
import type { Random } from '../chance.ts'
import { PostgresServer } from '../stores/postgres-server.ts'
import { pause } from '../until.ts'
import { FleetFixture } from './fleet-fixture.ts'
import type { GatewayProcess } from './gateway-process.ts'

const CHATS = Array.from({ length: 12 }, (_, index) => 5_000 + index)
/** A holder that dies is followed within this. */
export const MOVES_WITHIN_MS = 10_000
/** The longest time between the two questions of a round, within which the kill may fall. */
const BETWEEN_MS = 300
/** The machine may be busy; nothing is lost by being late. */
const TIMEOUT_MS = 180_000

export interface FleetKillReport {
  readonly asked: number
  readonly lost: readonly string[]
  readonly outOfOrder: readonly string[]
  /** Answers that a reader saw twice: killed between the platform's receipt and ours. */
  readonly sentAgain: number
  /** Requests to the model beyond one a question: killed before its answer was stored. */
  readonly askedAgain: number
  /** How long nobody received, each time its process was killed, in milliseconds. */
  readonly moves: readonly number[]
}

/** Gateways on one database under load, of which one after another is killed with -9. */
export class FleetKillFixture implements AsyncDisposable {
  readonly fleet: FleetFixture
  readonly #server: PostgresServer
  readonly #database: Client
  readonly #moves: number[] = []
  #asked = 0

  private constructor(fleet: FleetFixture, server: PostgresServer, database: Client) {
    this.fleet = fleet
    this.#server = server
    this.#database = database
  }

  /** Three that take in, send and answer, and one that only answers. */
  static async start(): Promise<FleetKillFixture> {
    const server = await PostgresServer.start()
    const databaseUrl = await server.createDatabase()
    const fleet = await FleetFixture.open({ databaseUrl, sandbox: { answer: { delayMs: 30 } } })
    const database = new Client({ connectionString: databaseUrl })
    await database.connect()
    await fleet.join()
    await Promise.all([fleet.join(), fleet.join(), fleet.join('worker')])
    const fixture = new FleetKillFixture(fleet, server, database)
    await fixture.#untilHeld(null)
    return fixture
  }

  /** Questions in every chat, and a kill somewhere among them. The killed process is started again. */
  async round(random: Random): Promise<void> {
    const running = this.fleet.gateways.filter((gateway) => gateway.running)
    const victim = running[Math.floor(random() * running.length)]!
    const holder = await this.#holder()
    this.#ask()
    await pause(random() * BETWEEN_MS)
    this.#ask()
    const { pid } = victim
    await victim.kill('SIGKILL')
    const killed = performance.now()
    const moved = holder?.pid === pid ? this.#untilHeld(holder.id) : Promise.resolve()
    await Promise.all([
      this.#again(victim),
      moved.then(() => holder?.pid === pid && this.#moves.push(performance.now() - killed)),
    ])
  }

  /** Waits for what is still owed, and counts. */
  async report(): Promise<FleetKillReport> {
    const { fleet } = this
    const total = CHATS.length * this.#asked
    const deadline = performance.now() + TIMEOUT_MS
    const missing = () => CHATS.flatMap((chat) => this.#missing(chat))
    while (missing().length > 0 && performance.now() < deadline) await pause(250)
    const shown = CHATS.map((chat) => ({ chat, numbers: fleet.shown(chat).map(numberOf) }))
    return {
      asked: total,
      lost: missing(),
      outOfOrder: shown.flatMap(({ chat, numbers }) => {
        const first = [...new Set(numbers)]
        const wrong = first.findIndex((number, index) => index > 0 && number < first[index - 1]!)
        return wrong === -1 ? [] : [`chat ${chat}: ${first[wrong]} after ${first[wrong - 1]}`]
      }),
      sentAgain: shown.reduce((sum, { numbers }) => sum + numbers.length - new Set(numbers).size, 0),
      askedAgain: fleet.sandbox.requests.filter(({ status }) => status === 200).length - total,
      moves: this.#moves,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]()
    await this.#database.end()
    await this.#server[Symbol.asyncDispose]()
  }

  #ask(): void {
    for (const chat of CHATS) this.fleet.telegram.say(chat, `question ${this.#asked}.`)
    this.#asked++
  }

  #missing(chat: number): string[] {
    const seen = new Set(this.fleet.shown(chat).map(numberOf))
    return Array.from({ length: this.#asked }, (_, number) => number)
      .filter((number) => !seen.has(number))
      .map((number) => `chat ${chat}: question ${number} has no answer`)
  }

  async #again(gateway: GatewayProcess): Promise<void> {
    await gateway.start()
  }

  /** The process that may receive, by the database's clock. */
  async #holder(): Promise<{ readonly id: string; readonly pid: number } | undefined> {
    const { rows } = await this.#database.query<{ id: string; pid: number }>(
      `SELECT p.id, p.pid FROM hermes.leases l JOIN hermes.processes p ON p.id = l.holder
         WHERE l.name LIKE 'channel:%' AND l.expires_at > clock_timestamp()`,
    )
    return rows[0]
  }

  async #untilHeld(except: string | null): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS
    for (;;) {
      const holder = await this.#holder()
      if (holder && holder.id !== except) return
      if (performance.now() > deadline) throw new Error('nobody receives')
      await pause(20)
    }
  }
}

function numberOf(text: string): number {
  return Number(/question (\d+)\./.exec(text)?.[1] ?? Number.NaN)
}
