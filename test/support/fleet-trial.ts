import { Client } from 'pg'
import { FleetWorld } from './fleet-world.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { PostgresServer } from './postgres-server.ts'

const CHATS = Array.from({ length: 12 }, (_, index) => 5_000 + index)
/** A holder that dies is followed within this. */
export const MOVES_WITHIN_MS = 10_000
/** The machine may be busy; nothing is lost by being late. */
const PATIENCE_MS = 180_000

export interface FleetTrialReport {
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
export class FleetTrial implements AsyncDisposable {
  readonly world: FleetWorld
  readonly #server: PostgresServer
  readonly #database: Client
  readonly #moves: number[] = []
  #asked = 0

  private constructor(world: FleetWorld, server: PostgresServer, database: Client) {
    this.world = world
    this.#server = server
    this.#database = database
  }

  /** Three that take in, send and answer, and one that only answers. */
  static async start(): Promise<FleetTrial> {
    const server = await PostgresServer.start()
    const databaseUrl = await server.createDatabase()
    const world = await FleetWorld.open({ databaseUrl, sandbox: { answer: { delayMs: 30 } } })
    const database = new Client({ connectionString: databaseUrl })
    await database.connect()
    await world.join()
    await Promise.all([world.join(), world.join(), world.join('worker')])
    const trial = new FleetTrial(world, server, database)
    await trial.#untilHeld(null)
    return trial
  }

  /** Questions in every chat, and a kill somewhere among them. The killed process is started again. */
  async round(): Promise<void> {
    const running = this.world.gateways.filter((gateway) => gateway.running)
    const victim = running[Math.floor(Math.random() * running.length)]!
    const holder = await this.#holder()
    this.#ask()
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300))
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
  async report(): Promise<FleetTrialReport> {
    const { world } = this
    const total = CHATS.length * this.#asked
    const deadline = performance.now() + PATIENCE_MS
    const missing = () => CHATS.flatMap((chat) => this.#missing(chat))
    while (missing().length > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 250))
    const shown = CHATS.map((chat) => ({ chat, numbers: world.shown(chat).map(numberOf) }))
    return {
      asked: total,
      lost: missing(),
      outOfOrder: shown.flatMap(({ chat, numbers }) => {
        const first = [...new Set(numbers)]
        const wrong = first.findIndex((number, index) => index > 0 && number < first[index - 1]!)
        return wrong === -1 ? [] : [`chat ${chat}: ${first[wrong]} after ${first[wrong - 1]}`]
      }),
      sentAgain: shown.reduce((sum, { numbers }) => sum + numbers.length - new Set(numbers).size, 0),
      askedAgain: world.sandbox.requests.filter(({ status }) => status === 200).length - total,
      moves: this.#moves,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]()
    await this.#database.end()
    await this.#server[Symbol.asyncDispose]()
  }

  #ask(): void {
    for (const chat of CHATS) this.world.telegram.say(chat, `question ${this.#asked}.`)
    this.#asked++
  }

  #missing(chat: number): string[] {
    const seen = new Set(this.world.shown(chat).map(numberOf))
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
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
      const holder = await this.#holder()
      if (holder && holder.id !== except) return
      if (performance.now() > deadline) throw new Error('nobody receives')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

function numberOf(text: string): number {
  return Number(/question (\d+)\./.exec(text)?.[1] ?? Number.NaN)
}
