import { describe, expect, it } from 'vitest'
import { killedInMidRefresh } from '../../bench/chaos/15-killed.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { fewRounds } from '../support/few-rounds.ts'
import { NEVER, SIGN_IN_PLACES, signedIn, type SignedIn } from '../support/provider/signed-in.ts'

/** A process that is killed when its request has left; `rotate`: the server has carried it out by then. */
async function killInMidRefresh({ startProcess, sandbox }: SignedIn, rotate: boolean): Promise<void> {
  const fault = sandbox.control.fault({
    target: 'token-endpoint',
    fault: rotate ? 'slow' : 'timeout',
    rotate,
    delayMs: 60_000,
  })
  // A short term: on a database its lease outlives it by that.
  await using victim = await startProcess({ leaseMs: 300 })
  victim.send({ do: 'refresh' })
  await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
  await victim.kill()
  fault.clear()
}

/** The wall clock of the next process, which starts `later`. */
function clockOf(later: number): FakeClock {
  return new FakeClock(Date.now() + later)
}

describe.each(SIGN_IN_PLACES)('a kill -9 between the request and the write to a %s', (place) => {
  it('leaves an open intent; the old token is tried once more, and a dead one is lost in rotation', async () => {
    const fixture = await signedIn({ place })
    const { sandbox, first, open } = fixture
    await killInMidRefresh(fixture, true)
    expect(await fixture.intent()).toMatchObject({
      outcome: 'open',
      sends: 1,
      spent: first.refreshToken!.fingerprint,
    })

    const next = open({ clock: clockOf(5 * SECOND) })
    await next.open()
    expect(await next.refresh(first, NEVER)).toMatchObject({ kind: 'terminal', reason: 'lost-in-rotation' })
    const requests = sandbox.counts.tokenRequests

    // The word was definite: nobody sends it again, whatever restarts and however much later.
    for (const later of [MINUTE, HOUR, DAY]) {
      expect(await open({ clock: clockOf(later) }).refresh(first, NEVER)).toMatchObject({
        kind: 'terminal',
        reason: 'lost-in-rotation',
      })
    }
    expect(sandbox.counts.tokenRequests).toBe(requests)
    expect(await fixture.intent()).toMatchObject({ outcome: 'dead', sends: 2 })
  })

  it('costs nothing when the server had not carried it out: the next try succeeds', async () => {
    const fixture = await signedIn({ place })
    await killInMidRefresh(fixture, false)
    expect((await fixture.open({ clock: clockOf(5 * SECOND) }).refresh(fixture.first, NEVER)).kind).toBe(
      'renewed',
    )
    expect(await fixture.intent()).toBeNull()
  })

  it('sends the old token at most once a back-off step, each send counted before it leaves, until a definite answer', async () => {
    const fixture = await signedIn({ place })
    const { sandbox, first, open } = fixture
    sandbox.control.fault({ target: 'token-endpoint', fault: '500' })
    const clock = clockOf(0)
    const stores = [open({ clock }), open({ clock })]
    const struck = () => sandbox.state().faults[0]!.struck

    expect(await stores[0]!.refresh(first, NEVER)).toMatchObject({
      kind: 'transient',
      ambiguous: true,
      reason: 'endpoint',
    })
    // Two processes that ask again and again within the step: not one further request.
    for (let call = 0; call < 3; call++) {
      clock.jump(SECOND)
      for (const store of stores) {
        expect(await store.refresh(first, NEVER)).toMatchObject({ kind: 'transient', ambiguous: true })
      }
    }
    expect(struck()).toBe(1)
    clock.jump(2 * SECOND)
    await Promise.all(stores.map((store) => store.refresh(first, NEVER)))
    expect(struck()).toBe(2)
    expect(await fixture.intent()).toMatchObject({ outcome: 'ambiguous', sends: 2 })

    // The step after is twice as long; a clock that goes back does not make it longer still.
    clock.jump(5 * SECOND)
    expect(await stores[0]!.refresh(first, NEVER)).toMatchObject({
      kind: 'transient',
      retryAfterMs: 3 * SECOND,
    })
    expect(struck()).toBe(2)
    sandbox.control.repair()
    clock.jump(-DAY)
    expect((await stores[1]!.refresh(first, NEVER)).kind).toBe('renewed')
    expect(sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
  })
})

fewRounds([killedInMidRefresh])
