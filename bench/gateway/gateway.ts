import { Samples, type DriverFigures } from '../support/figures.ts'
import { BenchGateway, runScript, startScript } from '../support/processes.ts'

/** The provider's own time in the runs that measure latency, in milliseconds. */
const MODEL_MS = 20
const START_ROUNDS = 5
const LATENCY_SECONDS = 8
const RATE_SECONDS = 10
/** The raw SDK and the gateway take turns, so that a drifting machine touches both alike. */
const RATE_ROUNDS = 3
const IDLE_MS = 5_000

/**
 * Start, memory, latency, CPU and rate of the whole gateway, compared with the raw SDK against the same
 * simulated Messages API.
 */
export async function benchGateway(): Promise<void> {
  console.log('gateway: whole processes on loopback; aims in brackets')
  await startAndMemory()
  await latency()
  await rate()
}

async function startAndMemory(): Promise<void> {
  await using provider = (await provide(0)).process
  const ready: number[] = []
  for (let round = 0; round < START_ROUNDS; round++) {
    await using gateway = await BenchGateway.start(provider.url)
    ready.push(gateway.readyMs)
    if (round < START_ROUNDS - 1) continue
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    row('resident memory idle', `${gateway.process.residentMb().toFixed(0)} MB`, '< 120 MB')
  }
  row('start to ready, median', `${new Samples(ready).quantile(0.5).toFixed(0)} ms`, '< 500 ms')
}

async function latency(): Promise<void> {
  await using provider = (await provide(MODEL_MS)).process
  const raw = await runScript<DriverFigures>('bench/gateway/raw-sdk.ts', [
    provider.url,
    '1',
    String(LATENCY_SECONDS),
  ])
  await using gateway = await BenchGateway.start(provider.url)
  const before = gateway.process.cpuMs()
  const through = await drive(gateway, 1, LATENCY_SECONDS)
  const cpu = gateway.process.cpuMs() - before
  row(`raw SDK, one at a time, model ${MODEL_MS} ms`, `p50 ${ms(raw.p50Ms)}, p99 ${ms(raw.p99Ms)}`)
  row('through the gateway, durable', `p50 ${ms(through.p50Ms)}, p99 ${ms(through.p99Ms)}`)
  row('added', `p50 ${ms(through.p50Ms - raw.p50Ms)}, p99 ${ms(through.p99Ms - raw.p99Ms)}`, 'p50 < 5 ms')
  // The warm-up's messages are in the CPU time and not in the count, so this is an upper bound.
  row('CPU per message, at most', ms(cpu / through.count))
}

async function rate(): Promise<void> {
  await using provider = (await provide(0)).process
  await using gateway = await BenchGateway.start(provider.url)
  const ratios: number[] = []
  for (let round = 1; round <= RATE_ROUNDS; round++) {
    const raw = await runScript<DriverFigures>('bench/gateway/raw-sdk.ts', [
      provider.url,
      '50',
      String(RATE_SECONDS),
    ])
    const through = await drive(gateway, 50, RATE_SECONDS)
    ratios.push(through.perSecond / raw.perSecond)
    row(
      `50 at once, round ${round}`,
      `raw SDK ${raw.perSecond.toFixed(0)}/s, gateway ${through.perSecond.toFixed(0)}/s (p99 ${ms(through.p99Ms)})`,
    )
  }
  row('ratio, median', new Samples(ratios).quantile(0.5).toFixed(2), '≥ 0.5')
  row('resident memory after it', `${gateway.process.residentMb().toFixed(0)} MB`)
}

async function provide(delayMs: number) {
  const { process, line } = await startScript('bench/support/mock-provider.ts', [String(delayMs)])
  return { process: Object.assign(process, { url: line }) }
}

function drive(gateway: BenchGateway, conversations: number, seconds: number): Promise<DriverFigures> {
  return runScript('bench/gateway/messages.ts', [
    gateway.url,
    gateway.token,
    String(conversations),
    String(seconds),
  ])
}

function row(what: string, figure: string, aim?: string): void {
  console.log(`  ${what.padEnd(44)} ${figure}${aim ? `  [${aim}]` : ''}`)
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`
}
