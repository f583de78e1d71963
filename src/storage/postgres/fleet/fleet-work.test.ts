import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Random } from '../../../../test/support/chance.ts'
import { silent } from '../../../../test/support/message-fixture.ts'
import { freshDatabase } from '../../../../test/support/stores/postgres.ts'
import { randomOfThisTest } from '../../../../test/support/test-chance.ts'
import { pause, until } from '../../../../test/support/until.ts'
import type { Inbox } from '../../../inbox/inbox.ts'
import { isLease, type Lease } from '../../../inbox/lease.ts'
import { systemClock } from '../../../support/clock.ts'
import { newId } from '../../../support/ids.ts'
import { Secret } from '../../../support/secret.ts'
import { openDatabase, type Database } from '../connection/database.ts'
import type { SharedTurns } from '../engine/shared-turns.ts'
import type { Wake } from '../inbox/apply.ts'
import { migrate } from '../migrations/migrate.ts'
import { openPostgresStorage } from '../storage.ts'
import { FleetWork } from './fleet-work.ts'
import { prepareQueue, WakeUpQueue } from './wake-up-queue.ts'
import { WakeUps } from './wake-ups.ts'

const LIMITS = { maxPerConversation: 1_000, maxTotal: 100_000 }
const ROOM = 4

let database: Database
let queue: WakeUpQueue
let wakeUps: WakeUps
let inbox: Inbox
const problems: unknown[] = []

beforeAll(async () => {
  const url = new Secret(await freshDatabase())
  await migrate({ url, also: prepareQueue })
  database = await openDatabase({ url, clock: systemClock, log: silent, onProblem, connections: 20 })
  queue = await WakeUpQueue.open(database)
  wakeUps = new WakeUps(database, queue)
  inbox = openInbox()
}, 60_000)

function openInbox(over: { readonly turns?: SharedTurns } = {}): Inbox {
  const wake: Wake = (conversations) => wakeUps.wanted(conversations)
  return openPostgresStorage({ database, pullChannels: ['web'], wake, ...over }).inbox
}

afterAll(async () => {
  await queue.close()
  await database.close()
})

function onProblem(error: unknown): void {
  problems.push(error)
}

/** A worker in this process that can die: from then on nothing that it does comes through. */
class Worker {
  readonly id = newId(Date.now())
  readonly work: FleetWork
  readonly inbox: Inbox
  readonly #turns: Turns
  readonly #random: Random
  #running = 0
  #dead = false

  /** @param begins turns begin with the arrival of their message, where there is room */
  constructor(turns: Turns, random: Random, begins = false) {
    this.#turns = turns
    this.#random = random
    // Never settles: a dead process does not even continue.
    const alive =
      <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
      (...args: Args): Promise<T> =>
        this.#dead ? new Promise<T>(() => {}) : call(...args)
    this.work = new FleetWork({
      id: this.id,
      queue: {
        fetch: alive((limit: number) => queue.fetch(limit)),
        remove: (tx, jobs) => queue.remove(tx, jobs),
        touch: alive((taken: Parameters<WakeUpQueue['touch']>[0]) => queue.touch(taken)),
      },
      wakeUps: {
        finishTurns: alive((...args: Parameters<WakeUps['finishTurns']>) => wakeUps.finishTurns(...args)),
        giveBack: alive((...args: Parameters<WakeUps['giveBack']>) => wakeUps.giveBack(...args)),
        wake: alive((ids: readonly string[]) => wakeUps.wake(ids)),
        wakeAll: alive(() => wakeUps.wakeAll()),
      },
      clock: systemClock,
      answers: true,
      notify: () => {},
      onProblem,
    })
    const { work } = this
    const shared: SharedTurns = {
      mayAnswer: true,
      reserve: () => (this.#dead ? null : work.reserve()),
      release: (count) => work.release(count),
      begun: (leases) => void (this.#dead || work.begun(leases)),
      uncertain: (ids) => void (this.#dead || work.uncertain(ids)),
      granted: (id) => work.granted(id),
      asked: (id, known) => work.asked(id, known),
      settled: (settled) => work.settled(settled),
      removeJobs: (tx, jobs) => queue.remove(tx, jobs),
    }
    this.inbox = begins ? openInbox({ turns: shared }) : inbox
  }

  async start(): Promise<this> {
    await database.query(
      `INSERT INTO hermes.processes (id, role, host, pid, version, started_at, expires_at)
         VALUES ($1, 'worker', 'test', 1, '0', now(), now() + interval '1 hour')`,
      [this.id],
    )
    await this.work.start(
      () => this.#pump(),
      () => ({ historyLimit: 0, merge: false }),
    )
    this.#pump()
    return this
  }

  /** As with kill -9, with the time passed after which the others notice. */
  async die(): Promise<void> {
    this.#dead = true
    this.#turns.forget(this.id)
    await database.query('DELETE FROM hermes.processes WHERE id = $1', [this.id])
    const mine = this.work.touched.map(({ id }) => id)
    await database.query(
      `UPDATE hermes_boss.job SET heartbeat_on = now() - interval '1 hour' WHERE id = ANY($1::uuid[])`,
      [mine],
    )
  }

  #pump(): void {
    while (!this.#dead && this.#running < ROOM) {
      const next = this.work.next(Date.now(), ROOM - this.#running)
      if (!next) return
      this.#running++
      void this.#turn(next.id).finally(() => {
        this.#running--
        this.#pump()
      })
    }
  }

  async #turn(conversationId: string): Promise<void> {
    const lease = await this.inbox.lease({
      conversationId,
      owner: this.id,
      now: Date.now(),
      historyLimit: 0,
      merge: false,
    })
    if (this.#dead) return
    if (!isLease(lease)) return this.work.empty(conversationId)
    this.#turns.begin(this.id, lease)
    await pause(this.#random() * 8)
    if (this.#dead) return
    this.#turns.end(this.id, lease)
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }
    const outcome = { kind: 'answered', text: 'ok', preface: null, model: 'm', usage, modelMs: 1 } as const
    const stored = await this.inbox.finish(lease, outcome, Date.now())
    if (this.#dead) return
    if (stored) this.#turns.stored(lease)
    this.work.done(conversationId, 1, null)
  }
}

/** What happened, to be searched for duplicates. */
class Turns {
  readonly answered = new Map<string, string[]>()
  readonly doubles: string[] = []
  readonly #inHand = new Map<string, string>()

  begin(worker: string, { conversation }: Lease): void {
    if (this.#inHand.has(conversation.id)) this.doubles.push(conversation.id)
    this.#inHand.set(conversation.id, worker)
  }

  end(worker: string, { conversation }: Lease): void {
    if (this.#inHand.get(conversation.id) === worker) this.#inHand.delete(conversation.id)
  }

  stored({ conversation, messages }: Lease): void {
    const list = this.answered.get(conversation.id) ?? []
    this.answered.set(conversation.id, [...list, ...messages.map(({ text }) => text)])
  }

  /** It is dead: another process may continue its turns. */
  forget(worker: string): void {
    for (const [conversation, owner] of this.#inHand) if (owner === worker) this.#inHand.delete(conversation)
  }
}

async function say(conversation: string, text: string, to = inbox): Promise<void> {
  await to.accept({
    arrivals: [
      {
        kind: 'message',
        message: {
          channel: 'web',
          address: conversation,
          platformMessageId: text,
          personId: 'p',
          personName: null,
          text,
          attachments: [],
          addressed: true,
        },
      },
    ],
    cursors: [],
    now: Date.now(),
    outage: null,
    limits: LIMITS,
    holdFullNotice: '',
  })
}

test.each([
  ['all turns are fetched', false],
  ['turns begin with their message', true],
])(
  '%s, and whichever workers die at whichever moment: nothing waits forever, no message is answered by two at once, order is kept',
  async (_, begins) => {
    const random = randomOfThisTest()
    const turns = new Turns()
    const workers = await Promise.all([0, 1, 2].map(() => new Worker(turns, random, begins).start()))
    const conversations = Array.from({ length: 15 }, (_, index) => `${begins ? 'begun' : 'c'}${index}`)
    const texts = Array.from({ length: 10 }, (_, index) => `${index}`)
    let over = false
    // What the process that cares for the queue does; without its sweep, so that no wake-up may be lost.
    const care = (async () => {
      const taken = new Set<string>()
      while (!over) {
        if ((await wakeUps.takeOver(taken)) > 0) for (const worker of workers) worker.work.nudge()
        await queue.supervise()
        await pause(100)
      }
    })()
    const talking = Promise.all(
      conversations.map(async (conversation) => {
        for (const text of texts) {
          const receiver = workers[Math.floor(random() * workers.length)]!
          await say(conversation, text, receiver.inbox)
          receiver.work.arrived(`web:${conversation}`)
          for (const worker of workers) worker.work.nudge()
          await pause(random() * 40)
        }
      }),
    )
    for (let kills = 0; kills < 12; kills++) {
      await pause(random() * 60)
      const index = Math.floor(random() * workers.length)
      await workers[index]!.die()
      workers[index] = await new Worker(turns, random, begins).start()
    }
    await talking
    const stored = async () => {
      const [row] = await database.query<{ n: number }>(
        `SELECT count(*) AS n FROM hermes.messages WHERE role = 'user' AND state <> 'answered'`,
      )
      return row!.n
    }
    await expect.poll(stored, { timeout: 60_000, interval: 100 }).toBe(0)
    over = true
    await care
    await Promise.all(workers.map((worker) => worker.work.stop()))
    expect(turns.doubles).toEqual([])
    for (const conversation of conversations) {
      const [row] = await database.query<{ asked: string[] }>(
        `SELECT json_agg(m.text ORDER BY m.history_seq) AS asked FROM hermes.messages m
         JOIN hermes.conversations c ON c.key = m.conversation WHERE c.id = $1 AND m.role = 'user'`,
        [`web:${conversation}`],
      )
      expect(row!.asked).toEqual(texts)
    }
    // Nothing is left behind in the queue either.
    const [jobs] = await database.query<{ n: number }>(`SELECT count(*) AS n FROM hermes_boss.job`)
    expect(jobs!.n).toBe(0)
    expect(problems).toEqual([])
  },
  120_000,
)

test('what was held in an outage has no job, and gets one when the outage ends', async () => {
  const random = randomOfThisTest()
  const turns = new Turns()
  await say('held', 'one')
  const worker = await new Worker(turns, random).start()
  const job = async () => {
    const [row] = await database.query<{ wake_job: string | null }>(
      `SELECT wake_job FROM hermes.conversations WHERE id = 'web:held'`,
    )
    return row!.wake_job
  }
  await until(() => turns.answered.get('web:held')?.length === 1, 'the answer')
  // A turn that ends before the pause may still have its next one begun.
  await expect.poll(job).toBeNull()
  worker.work.pause()
  await inbox.accept({
    arrivals: [
      {
        kind: 'message',
        message: {
          channel: 'web',
          address: 'held',
          platformMessageId: 'two',
          personId: 'p',
          personName: null,
          text: 'two',
          attachments: [],
          addressed: true,
        },
      },
    ],
    cursors: [],
    now: Date.now(),
    outage: { id: 'o', reason: 'r', notice: 'later' },
    limits: LIMITS,
    holdFullNotice: '',
  })
  expect(await job()).toBeNull()
  expect(await worker.work.reload()).toBe(1)
  worker.work.nudge()
  await until(() => turns.answered.get('web:held')?.length === 2, 'the answer to what was held')
  await worker.work.stop()
  expect(problems).toEqual([])
})
