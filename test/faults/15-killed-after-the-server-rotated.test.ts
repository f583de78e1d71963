import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { MACHINE, NEVER, signedIn, type SignedIn } from '../support/signed-in.ts'
import { SignInProcess } from '../support/processes.ts'

/** A process that is killed when its request has left; `rotate`: the server has carried it out by then. */
async function killInMidRefresh({ home, sandbox }: SignedIn, rotate: boolean): Promise<void> {
  const fault = sandbox.control.fault({
    target: 'token-endpoint',
    fault: rotate ? 'slow' : 'timeout',
    rotate,
    delayMs: 60_000,
  })
  await using victim = await SignInProcess.start({
    store: 'own',
    home,
    machineId: MACHINE,
    tokenUrl: sandbox.tokenUrl,
  })
  victim.tell({ do: 'renew' })
  await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
  await victim.kill()
  fault.clear()
}

async function intentOf({ home }: SignedIn): Promise<Record<string, unknown>> {
  const text = await readFile(`${home}/credentials.intent.json`, 'utf8')
  return (JSON.parse(text) as { intent: Record<string, unknown> }).intent
}

const BRIEF = { initialMs: 100, maxMs: 100 }

describe('a kill -9 between the request and the write', () => {
  it('leaves an open intent; the old token is tried once more, and a dead one is lost in rotation', async () => {
    const world = await signedIn()
    const { sandbox, first, open } = world
    await killInMidRefresh(world, true)
    expect(await intentOf(world)).toMatchObject({
      outcome: 'open',
      sends: 1,
      spent: first.refreshToken!.fingerprint,
    })

    const next = open({ backoff: BRIEF })
    await next.open()
    await new Promise((resolve) => setTimeout(resolve, 150))
    const outcome = await next.renew(first, NEVER)
    expect(outcome).toMatchObject({ kind: 'terminal', reason: 'lost-in-rotation' })
    const requests = sandbox.counts.tokenRequests

    // The word was definite: nobody sends it again, whatever restarts.
    for (let restart = 0; restart < 3; restart++) {
      expect(await open({ backoff: BRIEF }).renew(first, NEVER)).toMatchObject({
        kind: 'terminal',
        reason: 'lost-in-rotation',
      })
    }
    expect(sandbox.counts.tokenRequests).toBe(requests)
    expect(await intentOf(world)).toMatchObject({ outcome: 'dead', sends: 2 })
  })

  it('costs nothing when the server had not carried it out: the next try succeeds', async () => {
    const world = await signedIn()
    await killInMidRefresh(world, false)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect((await world.open({ backoff: BRIEF }).renew(world.first, NEVER)).kind).toBe('renewed')
    expect(existsSync(`${world.home}/credentials.intent.json`)).toBe(false)
  })

  it('sends the old token at most once a back-off step, each send counted before it leaves, until a definite answer', async () => {
    const world = await signedIn()
    const { sandbox, first, open } = world
    sandbox.control.fault({ target: 'token-endpoint', fault: '500' })
    const stores = [
      open({ backoff: { initialMs: 400, maxMs: 60_000 } }),
      open({ backoff: { initialMs: 400, maxMs: 60_000 } }),
    ]
    const struck = () => sandbox.state().faults[0]!.struck

    expect(await stores[0]!.renew(first, NEVER)).toMatchObject({
      kind: 'transient',
      ambiguous: true,
      reason: 'endpoint',
    })
    // Two processes that ask again and again within the step: not one further request.
    for (let call = 0; call < 5; call++) {
      for (const store of stores) {
        expect(await store.renew(first, NEVER)).toMatchObject({ kind: 'transient', ambiguous: true })
      }
    }
    expect(struck()).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 400))
    await Promise.all(stores.map((store) => store.renew(first, NEVER)))
    expect(struck()).toBe(2)
    expect(await intentOf(world)).toMatchObject({ outcome: 'ambiguous', sends: 2 })

    // The step after is twice as long.
    await new Promise((resolve) => setTimeout(resolve, 400))
    const rest = await stores[0]!.renew(first, NEVER)
    expect(struck()).toBe(2)
    expect(rest.kind === 'transient' && rest.retryAfterMs).toBeGreaterThan(50)
    sandbox.control.repair()
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect((await stores[1]!.renew(first, NEVER)).kind).toBe('renewed')
    expect(sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
  })
})
