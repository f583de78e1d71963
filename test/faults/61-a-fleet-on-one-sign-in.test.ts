import { expect, it } from 'vitest'
import { disturbedFleet, fleetSignIn } from '../../bench/chaos/61-fleet-sign-in.ts'
import { fewRounds } from '../support/few-rounds.ts'
import { SignInFleet } from '../support/processes/sign-in-fleet.ts'
import { PostgresServer } from '../support/stores/postgres-server.ts'
import { freshDatabase } from '../support/stores/postgres.ts'
import { pause } from '../support/until.ts'

const PROCESSES = 4
/** `npm run chaos` runs a thousand; here enough to see that it is no luck. */
const EXPIRIES = 30

it('makes one token request an expiry, however many processes share the database', async () => {
  await using fleet = await SignInFleet.on(await freshDatabase())
  const { sandbox } = fleet
  const processes = await Promise.all(Array.from({ length: PROCESSES }, () => fleet.process()))
  for (let expiry = 1; expiry <= EXPIRIES; expiry++) {
    const answers = await Promise.all(processes.map((each) => each.ask('refresh')))
    expect(answers.filter(({ kind }) => kind === 'renewed')).toHaveLength(1)
    expect(answers.filter(({ kind }) => kind === 'adopted')).toHaveLength(PROCESSES - 1)
    expect(new Set(answers.map(({ access }) => access)).size).toBe(1)
    expect(sandbox.counts.tokenRequests).toBe(expiry)
  }
  expect(sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
}, 90_000)

it('sees a new generation within a tenth of a second', async () => {
  await using fleet = await SignInFleet.on(await freshDatabase())
  const renewer = await fleet.process()
  const others = await Promise.all(Array.from({ length: 3 }, () => fleet.process({ tells: true })))
  // The line on which they listen is made in the background.
  await pause(500)
  const delays: number[] = []
  for (let round = 0; round < 10; round++) {
    const seeing = others.map((each) => each.next())
    const { access } = await renewer.ask('refresh')
    const renewedAt = performance.timeOrigin + performance.now()
    for (const seen of await Promise.all(seeing)) {
      expect(seen['access']).toBe(access)
      delays.push(Number(seen['heard']) - renewedAt)
    }
  }
  delays.sort((a, b) => a - b)
  expect(delays[Math.floor(delays.length / 2)]).toBeLessThan(100)
}, 60_000)

it('spends nothing for a holder that was stopped, whose answer is stored when it resumes', async () => {
  await using fleet = await SignInFleet.on(await freshDatabase())
  const { sandbox } = fleet
  const [holder, other] = await Promise.all([
    fleet.process({ leaseMs: 600 }),
    fleet.process({ leaseMs: 600, mayRepeat: false }),
  ])
  const before = await fleet.stored()
  const fault = sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', rotate: true, delayMs: 700 })
  holder.send({ do: 'refresh' })
  await expect.poll(() => fault.struck).toBe(1)
  holder.signal('SIGSTOP')
  // The lease expires, and the other process gets it: but the current token is valid, and the answer may exist.
  await expect.poll(async () => (await other.ask('refresh'))['kind'], { timeout: 15_000 }).toBe('transient')
  expect(await other.ask('refresh')).toMatchObject({ ambiguous: true })
  expect(await fleet.stored()).toBe(before)
  holder.signal('SIGCONT')
  expect(await holder.next()).toMatchObject({ kind: 'renewed' })
  expect(await other.ask('refresh')).toMatchObject({ kind: 'adopted', access: await fleet.stored() })
  expect(sandbox.counts).toMatchObject({ tokenRequests: 1, invalidGrants: 0, replays: 0 })
}, 60_000)

it('sends nothing when the lease was lost between the count and the send', async () => {
  await using fleet = await SignInFleet.on(await freshDatabase())
  const [slow, other] = await Promise.all([fleet.process({ leaseMs: 500 }), fleet.process({ leaseMs: 500 })])
  for (let round = 1; round <= 5; round++) {
    slow.send({ do: 'refresh' })
    // A little further on its way in each round.
    await pause(round * 3)
    slow.signal('SIGSTOP')
    // Its lease is over.
    await pause(700)
    await other.ask('refresh')
    slow.signal('SIGCONT')
    await slow.next()
    expect((await slow.ask('read'))['access']).toBe((await other.ask('read'))['access'])
    expect(fleet.sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
  }
}, 60_000)

it('keeps an answer that came while PostgreSQL was away, and stores it when that is back', async () => {
  await using server = await PostgresServer.start()
  await using fleet = await SignInFleet.on(await server.createDatabase())
  const { sandbox } = fleet
  const [holder, other] = await Promise.all([fleet.process(), fleet.process({ mayRepeat: false })])
  const fault = sandbox.control.fault({
    target: 'token-endpoint',
    fault: 'slow',
    rotate: true,
    delayMs: 1_000,
  })
  holder.send({ do: 'refresh' })
  await expect.poll(() => fault.struck).toBe(1)
  await server.kill()
  const unsaved = await holder.next()
  expect(unsaved['kind']).toBe('unsaved')
  expect(await other.ask('read')).toMatchObject({ kind: 'unusable', reason: 'store' })
  await server.start()
  const back = performance.now()
  await expect.poll(() => fleet.stored(), { timeout: 15_000 }).toBe(unsaved['access'])
  expect(performance.now() - back).toBeLessThan(10_000)
  expect(await other.ask('read')).toMatchObject({ kind: 'present', access: unsaved['access'] })
  expect(await holder.ask('refresh')).toMatchObject({ kind: 'renewed' })
  expect(sandbox.counts).toMatchObject({ tokenRequests: 2, invalidGrants: 0, replays: 0 })
}, 90_000)

fewRounds([fleetSignIn, disturbedFleet])
