import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import type { Random } from '../chance.ts'
import { FleetFixture } from '../processes/fleet-fixture.ts'
import { TOOL_GATEWAY, type GatewayProcess } from '../processes/gateway-process.ts'
import { PostgresServer } from '../stores/postgres-server.ts'
import { pause } from '../until.ts'
import { toolLog } from './logged-tools.ts'
import { randomSteps, ScriptedTurns } from './scripted-turns.ts'

/** Points inside the gateway, and how often a round surely passes each: one turn a person, two steps a turn at least. */
const INSIDE = {
  'before a response is stored': 4,
  'after a response is stored': 4,
  'a tool has begun': 4,
  'a tool has acted': 4,
  'before a result is stored': 4,
  'after a result is stored': 4,
  'before the answer is stored': 2,
  'after the answer is stored': 2,
} as const
const OUTSIDE = [
  'while the model is asked',
  'while the model writes',
  'before the sending',
  'after the sending',
  'at any time',
] as const
/** Where a gateway can be killed on the way of a turn with several steps. */
export const STEP_KILLS = [...(Object.keys(INSIDE) as ReadonlyArray<keyof typeof INSIDE>), ...OUTSIDE]
export type StepKill = (typeof STEP_KILLS)[number]

const PEOPLE = [7_001, 7_002] as const
/** Requests of a round at least, of all people. */
const REQUESTS = 6
/** Chats are new after this many rounds: their history would become the most expensive part. */
const ROUNDS_A_CHAT = 10
/** The longest way from a message to its answer, while nothing is broken. */
const WAY_MS = 250
/** A response of a dozen pieces. */
const STREAM = { delayMs: 10, deltaDelayMs: 3, wordsPerDelta: 1 }
const WRITES_MS = 30
/** Of the rounds on PostgreSQL. */
const TAKE_OVER_SHARE = 0.4
/** Of the rounds with a kill: the process that continues the turns is killed, too. */
const AGAIN_SHARE = 0.3
/** The machine may be busy. */
const ANSWERED_WITHIN_MS = 180_000

interface Asked {
  readonly id: string
  readonly chat: number
  /** Processes that were killed since then. */
  readonly deaths: number
}

export interface StepKillReport {
  readonly turns: number
  readonly kills: Readonly<Record<string, number>>
  /** Rounds in which another process continued the turns. */
  readonly takenOver: number
  /** Rounds in which the process that continued them was killed, too. */
  readonly again: number
  readonly effects: number
  readonly unknown: number
  readonly askedAgain: number
  readonly sentAgain: number
  readonly left: number
  readonly broken: readonly string[]
}

/** Gateways with tools, of which one is killed with -9 in each round, in the middle of turns with several steps. */
export class StepKillFixture implements AsyncDisposable {
  readonly #fleet: FleetFixture
  readonly #server: PostgresServer | null
  readonly #databaseUrl: string | null
  readonly #folder: string
  readonly #turns: ScriptedTurns
  readonly #asked: Asked[] = []
  readonly #kills: Record<string, number> = {}
  /** What the strict provider has refused. */
  readonly #refused: string[] = []
  readonly #missing: string[] = []
  #round = 0
  #takenOver = 0
  #again = 0

  private constructor(
    fleet: FleetFixture,
    server: PostgresServer | null,
    places: { readonly databaseUrl: string | null; readonly folder: string },
    turns: ScriptedTurns,
  ) {
    this.#fleet = fleet
    this.#server = server
    this.#databaseUrl = places.databaseUrl
    this.#folder = places.folder
    this.#turns = turns
    fleet.sandbox.subscribe((event) => {
      if (event.kind === 'failed' && event.status === 400) this.#refused.push(event.reason)
    })
  }

  static async start(storage: 'sqlite' | 'postgres'): Promise<StepKillFixture> {
    const server = storage === 'postgres' ? await PostgresServer.start() : null
    const databaseUrl = server && (await server.createDatabase())
    const folder = mkdtempSync(join(tmpdir(), 'hermes-steps-'))
    const turns = new ScriptedTurns()
    const fleet = await FleetFixture.open({
      databaseUrl,
      sandbox: { answer: { ...STREAM, thinks: true, reply: turns.reply } },
      config: { gateway: { rate_per_person: 10_000 } },
      processEnv: { STEPS_FOLDER: folder },
    })
    await fleet.join('all', TOOL_GATEWAY)
    // The second one runs only in rounds in which it is to take over.
    if (server) await fleet.prepare('all', TOOL_GATEWAY)
    return new StepKillFixture(fleet, server, { databaseUrl, folder }, turns)
  }

  /** One turn a person, and a kill in the middle of them. @returns whether everybody has an answer */
  async round(moment: StepKill, random: Random): Promise<boolean> {
    const { telegram } = this.#fleet
    const number = this.#round++
    // Only the process that dies is known to send.
    const takesOver = this.#server !== null && !moment.endsWith('the sending') && random() < TAKE_OVER_SHARE
    await this.#run(takesOver ? 2 : 1)
    const killed = this.#killAt(moment, random)
    const asked = PEOPLE.map((person) => ({
      id: `${number}-${person}`,
      chat: person + 10 * Math.floor(number / ROUNDS_A_CHAT),
    }))
    for (const { id, chat } of asked) telegram.say(chat, this.#turns.begin(id, randomSteps(random)))
    const answered = () => asked.every(({ id, chat }) => this.#turns.isAnswered(id, this.#fleet.shown(chat)))
    const isOver = this.#until(answered)
    let deaths = 0
    if (await Promise.race([killed, isOver.then(() => false)])) {
      deaths++
      this.#kills[moment] = (this.#kills[moment] ?? 0) + 1
      telegram.restore()
      if (takesOver) this.#takenOver++
      if (random() < AGAIN_SHARE) {
        if (await this.#killAgain(random, isOver)) deaths++
      }
      // Who takes over may be alone, or has company again at once.
      else if (!takesOver || random() < 0.5) await this.#run(takesOver ? 2 : 1)
    }
    rmSync(this.#killFile, { force: true })
    this.#asked.push(...asked.map((turn) => ({ ...turn, deaths })))
    if (await isOver) return true
    this.#missing.push(
      `lost: round ${number}, ${moment}: no answer in ${ANSWERED_WITHIN_MS} ms: ${JSON.stringify(
        asked.map(({ chat }) => this.#fleet.shown(chat).at(-1)),
      )}`,
    )
    return false
  }

  /** Checks all turns, and what is left in the store. */
  async report(): Promise<StepKillReport> {
    const gateways = this.#fleet.gateways.filter(({ running }) => running)
    for (const gateway of gateways) await gateway.kill('SIGTERM')
    const log = toolLog(this.#folder)
    const judged = this.#asked.map(({ id, chat, deaths }) => {
      const shown = this.#fleet.shown(chat).filter((text) => text.includes(` of ${id}, `))
      return { id, ...this.#turns.judge(id, shown, log, deaths) }
    })
    const sum = (name: 'effects' | 'unknown' | 'askedAgain' | 'sentAgain' | 'left') =>
      judged.reduce((total, turn) => total + turn[name], 0)
    const wrong = judged.flatMap(({ id, broken }) => broken.map((line) => `${id}: ${line}`))
    const refused = this.#refused.map((reason) => `the history was refused: ${reason}`)
    return {
      turns: judged.length,
      kills: this.#kills,
      takenOver: this.#takenOver,
      again: this.#again,
      effects: sum('effects'),
      unknown: sum('unknown'),
      askedAgain: sum('askedAgain'),
      sentAgain: sum('sentAgain'),
      left: sum('left'),
      broken: [...this.#missing, ...wrong, ...refused, ...(await this.#leftRows())],
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet[Symbol.asyncDispose]()
    await this.#server?.[Symbol.asyncDispose]()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #killFile(): string {
    return join(this.#folder, 'kill-at')
  }

  get #running(): GatewayProcess[] {
    return this.#fleet.gateways.filter(({ running }) => running)
  }

  /** Starts and stops processes until so many run. */
  async #run(count: number): Promise<void> {
    const stopped = this.#fleet.gateways.filter(({ running }) => !running)
    while (this.#running.length > count) await this.#running[0]!.kill('SIGTERM')
    while (this.#running.length < count) await stopped.shift()!.start()
  }

  /** Kills the process that continues the turns, the first time that it passes a point. @returns whether it passed it */
  async #killAgain(random: Random, isOver: Promise<boolean>): Promise<boolean> {
    // It may not live to be reachable.
    if (this.#running.length === 0) this.#fleet.gateways[0]!.spawn()
    const dead = this.#death()
    const points = Object.keys(INSIDE)
    writeFileSync(this.#killFile, `${points[Math.floor(random() * points.length)]!} 0`)
    if (!(await Promise.race([dead, isOver.then(() => false)]))) return false
    if (existsSync(this.#killFile)) throw new Error('a gateway ended without a kill')
    this.#again++
    await this.#run(1)
    return true
  }

  /** Resolves when one of the running processes is dead. */
  async #death(): Promise<true> {
    await Promise.race(this.#running.map(({ ended }) => ended))
    return true
  }

  /** Prepares the kill. Resolves when a process is dead. */
  #killAt(moment: StepKill, random: Random): Promise<true> {
    const { telegram } = this.#fleet
    const running = this.#running
    const victim = running[Math.floor(random() * running.length)]!
    const dead = this.#death()
    const round = this.#round
    const kill = async (when: Promise<unknown>) => {
      await when
      // A moment that comes only in a later round is not meant.
      if (this.#round === round) await victim.kill('SIGKILL')
    }
    const isSent = () => telegram.callsOf('sendMessage').length > sent
    const sent = telegram.callsOf('sendMessage').length
    switch (moment) {
      case 'while the model is asked':
        void kill(this.#request(random))
        break
      case 'while the model writes':
        void kill(this.#request(random).then(() => pause(STREAM.delayMs + random() * WRITES_MS)))
        break
      case 'before the sending':
        telegram.fail('sendMessage', { kind: 'hang' }, 10)
        void kill(this.#until(isSent))
        break
      case 'after the sending':
        telegram.fail('sendMessage', { kind: 'drop', after: true }, 1)
        void kill(this.#until(isSent))
        break
      case 'at any time':
        void kill(pause(random() * WAY_MS))
        break
      default:
        writeFileSync(this.#killFile, `${moment} ${Math.floor(random() * INSIDE[moment])}`)
    }
    return dead
  }

  /** Resolves when one of the next requests has come. */
  #request(random: Random): Promise<void> {
    let left = Math.floor(random() * REQUESTS)
    return new Promise((resolve) => {
      const end = this.#fleet.sandbox.subscribe(({ kind }) => {
        if (kind !== 'message' || left-- > 0) return
        end[Symbol.dispose]()
        resolve()
      })
    })
  }

  async #until(condition: () => boolean): Promise<boolean> {
    const deadline = performance.now() + ANSWERED_WITHIN_MS
    while (!condition()) {
      if (performance.now() > deadline) return false
      await pause(2)
    }
    return true
  }

  /** Steps and calls, of turns that are all over. */
  async #leftRows(): Promise<string[]> {
    const rows = await this.#select(['steps', 'calls'])
    return rows.map((row) => `left in the store: ${JSON.stringify(row)}`)
  }

  async #select(tables: readonly string[]): Promise<unknown[]> {
    if (this.#databaseUrl === null) {
      using database = new DatabaseSync(join(this.#fleet.gateways[0]!.home, 'hermes.db'))
      return tables.flatMap((table) => database.prepare(`SELECT message, step FROM ${table}`).all())
    }
    const client = new Client({ connectionString: this.#databaseUrl })
    await client.connect()
    try {
      const found = await Promise.all(
        tables.map((table) => client.query(`SELECT message, step FROM hermes.${table}`)),
      )
      return found.flatMap(({ rows }) => rows as unknown[])
    } finally {
      await client.end()
    }
  }
}
