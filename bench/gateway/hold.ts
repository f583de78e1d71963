import { printRow, type DriverFigures } from '../support/figures.ts'
import { BenchGateway, runScript, startScript } from '../support/processes.ts'

const CONVERSATIONS = 1_000
const EACH = 10
const NORMAL_SECONDS = 10
/** Longer than it takes to post everything on a slow machine. */
const LIMIT_MS = 45_000

/** An outage with 10,000 messages in 1,000 conversations, and its aftermath, compared with normal traffic. */
export async function benchHold(): Promise<void> {
  console.log('hold: 10,000 messages in 1,000 conversations; aims in brackets')
  for (const merge of [true, false]) await outage(merge)
}

async function outage(merge: boolean): Promise<void> {
  const { process: provider, line: providerUrl } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  await using gateway = await BenchGateway.start(providerUrl, { gateway: `  hold: { merge: ${merge} }\n` })
  const normal = await runScript<DriverFigures>('bench/gateway/messages.ts', [
    gateway.url,
    gateway.token,
    '50',
    String(NORMAL_SECONDS),
  ])
  const open = await post(gateway, 'open', 2)
  await drained(gateway)
  await limit(providerUrl)
  const limitedAt = performance.now()
  // The first message meets the limit and shuts the gate; the others are held without being sent.
  await post(gateway, 'held', EACH, 1)
  await waitFor(gateway, (queue) => queue.held + queue.received > 0)
  const held = await post(gateway, 'held', EACH - 1)
  const before = gateway.process.residentMb()
  await new Promise((resolve) => setTimeout(resolve, LIMIT_MS - (performance.now() - limitedAt)))
  const { seconds, count, peakMb } = await drain(gateway)
  const name = merge ? 'merged' : 'one by one'
  printRow(`${name}: normal traffic`, `${normal.perSecond.toFixed(0)} answers/s`)
  printRow(
    `${name}: accepted while open, while held`,
    `${open.perSecond.toFixed(0)}/s, ${held.perSecond.toFixed(0)}/s`,
  )
  printRow(
    `${name}: accepting one message, open, held`,
    `p50 ${ms(open.p50Ms)}, ${ms(held.p50Ms)}`,
    'no dearer',
  )
  const rate = count / seconds
  printRow(
    `${name}: drained`,
    `${rate.toFixed(0)} messages/s, ${(rate / normal.perSecond).toFixed(2)} of normal`,
    '≥ 0.5',
  )
  printRow(
    `${name}: resident memory before, peak`,
    `${before.toFixed(0)} MB, ${peakMb.toFixed(0)} MB`,
    'flat',
  )
}

function post(
  gateway: BenchGateway,
  prefix: string,
  each: number,
  conversations = CONVERSATIONS,
): Promise<DriverFigures> {
  return runScript('bench/gateway/post.ts', [
    gateway.url,
    gateway.token,
    prefix,
    String(conversations),
    String(each),
  ])
}

async function limit(providerUrl: string): Promise<void> {
  const fault = { target: 'messages', fault: 'usage-limit', resetInMs: LIMIT_MS, forMs: LIMIT_MS }
  const response = await fetch(`${providerUrl}/sandbox/faults`, {
    method: 'POST',
    body: JSON.stringify(fault),
  })
  if (!response.ok) throw new Error(`the provider cannot be broken: ${response.status}`)
}

interface Queue {
  readonly received: number
  readonly answering: number
  readonly held: number
}

async function queueOf(gateway: BenchGateway): Promise<Queue> {
  const response = await fetch(`${gateway.url}/api/status`, {
    headers: { authorization: `Bearer ${gateway.token}` },
  })
  return ((await response.json()) as { queue: Queue }).queue
}

async function waitFor(gateway: BenchGateway, reached: (queue: Queue) => boolean): Promise<void> {
  while (!reached(await queueOf(gateway))) await new Promise((resolve) => setTimeout(resolve, 200))
}

const waitingIn = ({ received, answering, held }: Queue) => received + answering + held

function drained(gateway: BenchGateway): Promise<void> {
  return waitFor(gateway, (queue) => waitingIn(queue) === 0)
}

/** From the first answer after the outage to the last one. */
async function drain(gateway: BenchGateway): Promise<{ seconds: number; count: number; peakMb: number }> {
  const all = waitingIn(await queueOf(gateway))
  await waitFor(gateway, (queue) => waitingIn(queue) < all)
  const started = performance.now()
  let peakMb = 0
  await waitFor(gateway, (queue) => {
    peakMb = Math.max(peakMb, gateway.process.residentMb())
    return waitingIn(queue) === 0
  })
  return { seconds: (performance.now() - started) / 1000, count: all, peakMb }
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`
}
