import { Agent, request } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Samples } from '../support/figures.ts'
import { BenchGateway, runScript, startScript } from '../support/processes.ts'

/** What is done to the gateway, by the names that `hostile.ts` knows them by. */
const ATTACKS = [
  ['hostile-text', 'hostile texts in messages, completions and webhooks'],
  ['huge-bodies', '20 MB bodies: whole, endless, and of many clients'],
  ['connections', '2,000 connections, unknown tokens, and all event streams of a token'],
  ['pages', '40 readers of a long conversation at once'],
] as const
const STRANGERS = 'hostile texts by strangers on Telegram'

const SECONDS = 10
/** Often enough to meet a pause of 50 ms, seldom enough to cost nothing. */
const POLL_MS = 20
const NS_PER_MS = 1e6
const DELAY_AIM_MS = 100
const HEALTH_AIM_MS = 200

interface Figures {
  /** Of the gateway's event loop, as it measures itself. */
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  readonly healthP99Ms: number
  readonly healthMaxMs: number
  readonly residentMb: number
  /** Of this process, which only asks: what the machine itself adds, where it does other things too. */
  readonly machineP99Ms: number
}

/** How long the gateway's event loop is held up by what others send, compared with harmless traffic. */
export async function benchAttack(): Promise<void> {
  console.log(`attack: ${SECONDS} s of each; aims in brackets`)
  const { process: provider, line: providerUrl } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  const { process: strangers, line: apiRoot } = await startScript('bench/attack/strangers.ts', [])
  await using _strangers = strangers
  await using gateway = await BenchGateway.start(providerUrl, {
    sections: SECTIONS(apiRoot),
    env: { TELEGRAM_BOT_TOKEN: TELEGRAM_TOKEN, TELEGRAM_ALLOWED_USERS: '1' },
  })
  // The first request for the metrics loads what measures.
  await eventLoopDelay(gateway)
  const attack = (name: string) =>
    runScript(`bench/attack/hostile.ts`, [name, gateway.url, gateway.token, String(SECONDS)])
  // Loads and compiles what every request needs.
  await measure(gateway, () => attack('harmless'))
  const control = await measure(gateway, () => attack('harmless'))
  row('harmless messages and completions (control)', control)
  const found: Array<readonly [string, Figures]> = []
  for (const [name, title] of ATTACKS) found.push([title, await measure(gateway, () => attack(name))])
  strangers.child.kill('SIGUSR2')
  found.push([STRANGERS, await measure(gateway, () => attack('harmless'))])
  for (const [title, figures] of found) row(title, figures)
  const failed = found.filter(
    ([, { delayP99Ms, healthP99Ms }]) =>
      delayP99Ms > control.delayP99Ms + DELAY_AIM_MS || healthP99Ms > HEALTH_AIM_MS,
  )
  const aims = `p99 of the delay ≤ control + ${DELAY_AIM_MS} ms, /healthz p99 ≤ ${HEALTH_AIM_MS} ms`
  console.log(failed.length === 0 ? `  every aim is met: ${aims}` : `  missed (${aims}):`)
  for (const [title] of failed) console.log(`    ${title}`)
  if (failed.length > 0) process.exitCode = 1
}

const SECTIONS = (apiRoot: string) => `channels:
  openai: { enabled: true }
  telegram: { api_root: ${apiRoot} }
webhooks:
  - { name: hook, secret: TEST-webhook-secret-0123456789, deliver_to: 'telegram:1' }
`

/** As the simulator of Telegram knows its bot. */
const TELEGRAM_TOKEN = '4242:TEST_bot_token_of_the_stand_in_0123456789'

async function measure(gateway: BenchGateway, attack: () => Promise<unknown>): Promise<Figures> {
  await eventLoopDelay(gateway)
  let over = false
  const own = monitorEventLoopDelay()
  own.enable()
  const polls = pollHealth(gateway.url, () => over)
  await attack()
  over = true
  own.disable()
  const health = new Samples(await polls)
  const { p99, max } = await eventLoopDelay(gateway)
  return {
    delayP99Ms: p99,
    delayMaxMs: max,
    healthP99Ms: health.quantile(0.99),
    healthMaxMs: health.quantile(1),
    residentMb: gateway.process.residentMb(),
    machineP99Ms: own.percentile(99) / NS_PER_MS,
  }
}

/** Milliseconds of each request; one that starts late waited for the one before. */
async function pollHealth(url: string, isOver: () => boolean): Promise<number[]> {
  const agent = new Agent({ keepAlive: true })
  const latencies: number[] = []
  while (!isOver()) {
    const began = performance.now()
    await new Promise<void>((resolve, reject) => {
      const call = request(new URL('/healthz', url), { agent }, (response) => {
        response.resume()
        response.on('end', resolve)
      })
      call.on('error', reject)
      call.end()
    })
    const took = performance.now() - began
    latencies.push(took)
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, POLL_MS - took)))
  }
  agent.destroy()
  return latencies
}

/** Since the last time it was asked, in milliseconds. */
async function eventLoopDelay(
  gateway: BenchGateway,
): Promise<{ readonly p99: number; readonly max: number }> {
  const response = await fetch(`${gateway.url}/metrics`, {
    headers: { authorization: `Bearer ${gateway.token}` },
  })
  const text = await response.text()
  const valueOf = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)![1]) * 1_000
  return {
    p99: valueOf('nodejs_eventloop_lag_p99_seconds'),
    max: valueOf('nodejs_eventloop_lag_max_seconds'),
  }
}

function row(
  what: string,
  { delayP99Ms, delayMaxMs, healthP99Ms, healthMaxMs, residentMb, machineP99Ms }: Figures,
): void {
  const ms = (value: number) => `${value.toFixed(0)} ms`
  console.log(
    `  ${what.padEnd(70)} delay p99 ${ms(delayP99Ms)}, max ${ms(delayMaxMs)}; ` +
      `/healthz p99 ${ms(healthP99Ms)}, max ${ms(healthMaxMs)}; ${residentMb.toFixed(0)} MB; the machine itself p99 ${ms(machineP99Ms)}`,
  )
}
