import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { do_not_optimize, measure } from 'mitata'
import { loadSettings } from '../src/config/settings.ts'
import { assembleCredentials } from '../src/credentials/assemble.ts'
import { startSandbox } from '../src/sandbox/sandbox.ts'
import { HOUR, systemClock } from '../src/support/clock.ts'
import { Secret } from '../src/support/secret.ts'
import { Samples } from './support/figures.ts'

const REQUESTS = 1_000
const STORMS = 20
/** What a real token endpoint takes, roughly; the figures are what comes on top. */
const ENDPOINT_MS = 50

/** The credential: what asking for it costs, and a thousand requests at the moment of expiry. */
export async function benchCredential(): Promise<void> {
  const sandbox = await startSandbox({
    marked: false,
    tokenLifetimeSeconds: (8 * HOUR) / 1_000,
    keepRequests: 0,
  })
  const home = await mkdtemp(join(tmpdir(), 'hermes-bench-'))
  await writeFile(
    join(home, 'config.yaml'),
    `model: { base_url: "${sandbox.url}" }\nauth: { oauth: { token_urls: ["${sandbox.tokenUrl}"] } }\n`,
    { mode: 0o600 },
  )
  // Before anything replaces `fetch`.
  const endpoint = timeOfEndpoint(sandbox.tokenUrl)
  // A wall clock that can be set ahead: the token's life is over without waiting for it.
  let ahead = 0
  const processEnv = { HOME: home }
  const { keeper, own, start } = await assembleCredentials({
    settings: await loadSettings({ home, processEnv }),
    processEnv,
    probe: async () => ({ kind: 'unknown' }),
    profile: null,
    clock: { ...systemClock, now: () => Date.now() + ahead },
  })
  const issued = sandbox.signIn()
  await own.signIn({
    kind: 'oauth',
    tokens: {
      accessToken: new Secret(issued.accessToken),
      refreshToken: new Secret(issued.refreshToken),
      expiresInMs: 8 * HOUR,
      expiryAssumed: false,
      loginExpiresInMs: null,
      scopes: issued.scopes,
      accountId: issued.accountId,
      accountEmail: issued.email,
      organizationId: issued.organizationId,
    },
    requestedScopes: issued.scopes,
  })
  await start()

  const acquire = await measure(() => do_not_optimize(keeper.acquire()))
  const credential = await keeper.acquire()
  const accepted = await measure(() => keeper.accepted(credential))
  console.log('credential: the hot path')
  console.log(`  acquire   ${acquire.p50.toFixed(1)} ns (p99 ${acquire.p99.toFixed(1)} ns)`)
  console.log(`  accepted  ${accepted.p50.toFixed(1)} ns (p99 ${accepted.p99.toFixed(1)} ns)`)
  console.log(`  allocated ${(await bytesPerCall(() => keeper.acquire())).toFixed(3)} bytes a call`)

  sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: ENDPOINT_MS })
  const overheads: number[] = []
  const before = sandbox.counts.tokenRequests
  for (let storm = 0; storm < STORMS; storm++) {
    ahead += 9 * HOUR
    const began = performance.now()
    const waits = await Promise.all(
      Array.from({ length: REQUESTS }, async () => {
        await keeper.acquire()
        return performance.now() - began
      }),
    )
    overheads.push(new Samples(waits).quantile(0.5) - endpoint.lastMs())
  }
  const overhead = new Samples(overheads)
  console.log(`credential: ${STORMS} storms of ${REQUESTS} requests at the moment of expiry`)
  console.log(`  token requests ${sandbox.counts.tokenRequests - before} (one a storm)`)
  console.log(
    `  wait beyond the endpoint's own time: median ${overhead.quantile(0.5).toFixed(1)} ms, worst storm ${overhead.quantile(1).toFixed(1)} ms`,
  )
  endpoint.restore()
  await keeper.stop()
  await sandbox.close()
  await rm(home, { recursive: true, force: true })
}

/** How much a call leaves for the collector, over enough calls to drown everything else. */
async function bytesPerCall(call: () => unknown): Promise<number> {
  const calls = 1_000_000
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < calls; count++) do_not_optimize(call())
  return Math.max(0, process.memoryUsage().heapUsed - before) / calls
}

/** Times each request to the token endpoint as the client sees it, up to the head of its answer. */
function timeOfEndpoint(tokenUrl: string): { lastMs(): number; restore(): void } {
  const original = globalThis.fetch
  let lastMs = 0
  globalThis.fetch = async (input, init) => {
    const began = performance.now()
    const answer = await original(input, init)
    const address = input instanceof Request ? input.url : String(input)
    if (address === tokenUrl) lastMs = performance.now() - began
    return answer
  }
  return { lastMs: () => lastMs, restore: () => void (globalThis.fetch = original) }
}
