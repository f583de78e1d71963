import { printRow, Samples, type DriverFigures } from '../support/figures.ts'
import { BenchGateway, runScript, startScript, type Measured } from '../support/processes.ts'
import { startStatelessProxy } from './stateless-proxy.ts'

/** The provider's own time in the runs that measure latency, in milliseconds. */
const MODEL_MS = 20
const START_ROUNDS = 5
const LATENCY_SECONDS = 8
const RATE_SECONDS = 10
/** The raw SDK, the stateless proxy and the gateway take turns, so that a drifting machine touches both alike. */
const RATE_ROUNDS = 3
const AT_ONCE = 50
const IDLE_MS = 5_000

/**
 * Start, memory, latency, CPU and rate of the whole gateway, compared with the raw SDK, and with a proxy that
 * stores nothing, against the same simulated Messages API.
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
    printRow('resident memory idle', `${gateway.process.residentMb().toFixed(0)} MB`, '< 120 MB')
  }
  printRow('start to ready, median', `${new Samples(ready).quantile(0.5).toFixed(0)} ms`, '< 500 ms')
}

async function latency(): Promise<void> {
  await using provider = (await provide(MODEL_MS)).process
  const raw = await sdk([provider.url], 1, LATENCY_SECONDS)
  printRow(`raw SDK, one at a time, model ${MODEL_MS} ms`, quantiles(raw))
  await using proxy = (await startStatelessProxy())?.process ?? null
  if (proxy) {
    const proxied = await costOf(proxy, (onWarm) =>
      sdk([proxy.url, provider.url], 1, LATENCY_SECONDS, onWarm),
    )
    printRow('through the stateless proxy, not streamed', `${quantiles(proxied)}, CPU ${ms(proxied.cpuMs)}`)
  }
  await using gateway = await BenchGateway.start(provider.url)
  const through = await costOf(gateway.process, (onWarm) => drive(gateway, 1, LATENCY_SECONDS, onWarm))
  printRow('through the gateway, durable', `${quantiles(through)}, CPU ${ms(through.cpuMs)} a message`)
  printRow(
    'added',
    `p50 ${ms(through.p50Ms - raw.p50Ms)}, p99 ${ms(through.p99Ms - raw.p99Ms)}`,
    'p50 ≤ 3 ms',
  )
}

async function rate(): Promise<void> {
  await using provider = (await provide(0)).process
  await using proxy = (await startStatelessProxy())?.process ?? null
  await using gateway = await BenchGateway.start(provider.url)
  const ratios: number[] = []
  for (let round = 1; round <= RATE_ROUNDS; round++) {
    const raw = await sdk([provider.url], AT_ONCE, RATE_SECONDS)
    printRow(`${AT_ONCE} at once, round ${round}: raw SDK`, perSecond(raw))
    if (proxy) {
      const proxied = await costOf(proxy, (onWarm) =>
        sdk([proxy.url, provider.url], AT_ONCE, RATE_SECONDS, onWarm),
      )
      printRow('  stateless proxy, not streamed', `${perSecond(proxied)}, CPU ${ms(proxied.cpuMs)} a call`)
    }
    const through = await costOf(gateway.process, (onWarm) => drive(gateway, AT_ONCE, RATE_SECONDS, onWarm))
    printRow(
      '  gateway, durable',
      `${perSecond(through)}, CPU ${ms(through.cpuMs)} a message`,
      '> proxy, CPU ≤ 1.5 ms',
    )
    ratios.push(through.perSecond / raw.perSecond)
  }
  printRow('gateway of raw SDK, median', new Samples(ratios).quantile(0.5).toFixed(2), '≥ 0.6')
  if (proxy) printRow('resident memory after it, stateless proxy', `${proxy.residentMb().toFixed(0)} MB`)
  printRow('resident memory after it', `${gateway.process.residentMb().toFixed(0)} MB`, '< 150 MB')
}

/** The figures, and the CPU time of `process` for each message after the warm-up, in milliseconds. */
async function costOf(
  process: Measured,
  run: (onWarm: () => void) => Promise<DriverFigures>,
): Promise<DriverFigures & { readonly cpuMs: number }> {
  let before = 0
  const figures = await run(() => (before = process.cpuMs()))
  return { ...figures, cpuMs: (process.cpuMs() - before) / figures.count }
}

async function provide(delayMs: number) {
  const { process, line } = await startScript('bench/support/mock-provider.ts', [String(delayMs)])
  return { process: Object.assign(process, { url: line }) }
}

/** @param urls of what is called, and of the provider behind it */
function sdk(
  urls: readonly string[],
  atOnce: number,
  seconds: number,
  onWarm?: () => void,
): Promise<DriverFigures> {
  const [url, ...provider] = urls
  return runScript('bench/gateway/raw-sdk.ts', [url!, String(atOnce), String(seconds), ...provider], onWarm)
}

function drive(
  gateway: BenchGateway,
  conversations: number,
  seconds: number,
  onWarm: () => void,
): Promise<DriverFigures> {
  const args = [gateway.url, gateway.token, String(conversations), String(seconds)]
  return runScript('bench/gateway/messages.ts', args, onWarm)
}

function quantiles({ p50Ms, p99Ms }: DriverFigures): string {
  return `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`
}

function perSecond(figures: DriverFigures): string {
  return `${figures.perSecond.toFixed(0)}/s (p99 ${ms(figures.p99Ms)})`
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`
}
