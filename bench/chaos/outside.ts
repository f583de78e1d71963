import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { seededRandom } from '../../test/support/chance.ts'
import { pause } from '../../test/support/until.ts'
import { HonestChat } from './outside/honest-chat.ts'
import { MemoryWatch } from './outside/memory-watch.ts'
import { OddValues } from './outside/odd-values.ts'
import { Outages } from './outside/outages.ts'
import { HONEST } from './outside/strikes.ts'
import { Trace } from './outside/trace.ts'
import { OutsideWorld } from './outside/world.ts'
import type { ChaosFigures, ChaosRow } from './row.ts'

const TEN_MINUTES_S = 600
/** Between two odd messages of one channel, on average. */
const ODD_EVERY_MS = 120
/** What is under way at the end is answered in this time, back-offs included. */
const PATIENCE_MS = 120_000
/** The end of the gateway's log, for a run that failed. */
const LOG_LENGTH = 8_000
const ROW_LENGTH = 80
/** What is said of odd messages, again and again. */
const EXPECTED = /passed over|a mail is left|cannot be delivered|could not be loaded/

/** Odd and hostile input on every channel, and odd answers to every request, while honest people talk. */
export const outside: ChaosRow = {
  fault: 'outside',
  title: 'odd input and odd answers everywhere, while honest people talk',
  rounds: TEN_MINUTES_S,
  unit: 'seconds',
  async run(seconds) {
    const oddOf = (name: string) => new OddValues(seededRandom(`outside ${name}`))
    await using outsideWorld = await OutsideWorld.start(oddOf)
    const { parts: world } = outsideWorld
    using memory = new MemoryWatch(world.gateway.pid, world.keptFile)
    const outages = new Outages(world.gateway)
    const workerData = { url: world.gateway.url }
    const probe = new Worker(new URL('outside/health-probe.ts', import.meta.url), { workerData })
    const trace = new Trace()
    for (const [name, door] of world.doors)
      door.watch = (what, content) => trace.note(`${name} ${what}`, content)
    const chats = world.places.map(
      (place, index) => new HonestChat(place, index, seededRandom(`honest ${place.name}`), trace),
    )
    await Promise.all(chats.map((chat) => chat.begin(performance.now() + PATIENCE_MS)))
    for (const door of world.doors.values()) door.odd = true
    const end = performance.now() + seconds * 1_000
    const sent = new Map<string, number>()
    await Promise.all([
      ...chats.map((chat) => chat.run(end, end + PATIENCE_MS)),
      ...[...world.senders].map(async ([name, send]) => {
        const { random } = oddOf(`pace of ${name}`)
        while (performance.now() < end) {
          await send()
          sent.set(name, (sent.get(name) ?? 0) + 1)
          await pause(ODD_EVERY_MS * 2 * random())
        }
      }),
    ])
    outages.stop()
    probe.postMessage('stop', [])
    const [health] = (await once(probe, 'message')) as [number[]]
    const broken = (await Promise.all(chats.map((chat) => chat.judge()))).flat()
    const metrics = await (await world.gateway.fetch('/metrics')).text()
    const ways = trace.report(world.gateway)
    return figuresOf(seconds, world, { ways, chats, sent, health, outages, memory, metrics, broken })
  },
}

interface Seen {
  readonly chats: readonly HonestChat[]
  /** Odd messages by channel. */
  readonly sent: ReadonlyMap<string, number>
  /** Waits for `/healthz`. */
  readonly health: readonly number[]
  readonly outages: Outages
  readonly memory: MemoryWatch
  /** What `/metrics` says in the end. */
  readonly metrics: string
  readonly broken: readonly string[]
  /** The longest waits, step by step in seconds. */
  readonly ways: readonly string[]
}

function figuresOf(seconds: number, world: OutsideWorld['parts'], seen: Seen): ChaosFigures {
  const { chats, sent, health, outages, memory, metrics } = seen
  const { counts } = world.sandbox
  const waits = chats.flatMap((chat) => chat.waits)
  const inMemory = memory.report()
  const broken = [...seen.broken]
  if (!inMemory.flat) broken.push('the memory grows')
  if (counts.invalidGrants > 0 || counts.replays > 0)
    broken.push(`${counts.invalidGrants} refused grants, ${counts.replays} refresh tokens spent twice`)
  if (health.includes(Infinity)) broken.push('/healthz did not answer')
  const lost = broken.filter((line) => line.startsWith('lost')).length
  const inAll = [...sent.values()].reduce((sum, count) => sum + count, 0)
  if (broken.length > 0) {
    const rows = world.gateway.stored().filter(({ text }) => HONEST.test(text))
    for (const { name } of chats.filter((chat) => broken.some((line) => line.includes(chat.name)))) {
      const own = rows.filter(({ text }) => text.includes(name))
      broken.push(
        ...own.map(({ role, state, text }) => `stored: ${role} ${state} ${text.slice(0, ROW_LENGTH)}`),
      )
    }
    const lines = world.gateway.stderr.split('\n').filter((line) => !EXPECTED.test(line))
    broken.push(lines.join('\n').slice(-LOG_LENGTH))
  }
  return {
    rounds: seconds,
    tokenRequests: counts.tokenRequests,
    doubles: counts.replays,
    lost,
    notes: `${waits.length} honest messages and ${inAll} odd ones`,
    more: [
      `honest messages, and the longest wait: ${chats.map(({ name, waits: own }) => `${name} ${own.length} (${Math.round(Math.max(...own))} ms)`).join(', ')}`,
      `odd messages: ${[...sent].map(([name, count]) => `${name} ${count}`).join(', ')}`,
      ...[...world.doors].map(([name, { struck }]) => `odd answers of ${name}: ${counted(struck)}`),
      `wait for an honest answer: ${spread(waits)}; of which provider outages: ${outages.report()}`,
      `wait for /healthz: ${spread(health)}, ${health.length} times`,
      ...seen.ways.map((way) => `long wait: ${way}`),
      ...inMemory.lines,
      `of that in the end: ${megabytes(metrics, 'nodejs_heap_size_used_bytes')} MB in the heap, ${megabytes(metrics, 'nodejs_external_memory_bytes')} MB in buffers`,
    ],
    broken,
  }
}

function counted(struck: ReadonlyMap<string, number>): string {
  return [...struck].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none'
}

/** The median, the 99th percentile and the worst. */
function spread(waits: readonly number[]): string {
  const sorted = waits.toSorted((one, other) => one - other)
  const at = (share: number) => `${Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? NaN)} ms`
  return `median ${at(0.5)}, p99 ${at(0.99)}, worst ${at(1)}`
}

function megabytes(metrics: string, name: string): string {
  return (Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1]) / 2 ** 20).toFixed(0)
}
