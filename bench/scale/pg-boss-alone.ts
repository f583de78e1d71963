import { PgBoss } from 'pg-boss'
import { figuresOf } from '../support/figures.ts'

/**
 * The queue's engine alone: `node pg-boss-alone.ts URL CONVERSATIONS SECONDS`. Each conversation has one
 * job at a time, sent, fetched in batches and completed; nothing else is stored. Prints the figures as JSON.
 */
const [url, conversations, seconds] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]
const QUEUE = 'bench'
const BATCH = 64

const boss = new PgBoss({ connectionString: url, schema: 'bench_boss', schedule: false, supervise: false })
boss.on('error', (error) => console.error(error))
await boss.start()
await boss.createQueue(QUEUE, { policy: 'key_strict_fifo' })

const sentAt = new Map<string, number>()
const latencies: number[] = []
let stopped = false

async function send(key: string): Promise<void> {
  sentAt.set(key, performance.now())
  await boss.send(QUEUE, { key }, { singletonKey: key })
}

async function work(): Promise<void> {
  while (!stopped) {
    const jobs = await boss.fetch<{ key: string }>(QUEUE, { batchSize: BATCH })
    if (jobs.length === 0) continue
    await boss.complete(
      QUEUE,
      jobs.map(({ id }) => id),
    )
    const now = performance.now()
    for (const { data } of jobs) {
      latencies.push(now - sentAt.get(data.key)!)
      if (!stopped) void send(data.key)
    }
  }
}

await Promise.all(Array.from({ length: conversations }, (_, index) => send(`key-${index}`)))
const started = performance.now()
setTimeout(() => (stopped = true), seconds * 1_000)
await work()
console.log(JSON.stringify(figuresOf(latencies, (performance.now() - started) / 1_000)))
process.exit(0)
