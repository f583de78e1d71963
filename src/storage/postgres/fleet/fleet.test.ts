import { afterAll, beforeAll, expect, test } from 'vitest'
import { silent } from '../../../../test/support/message-fixture.ts'
import { freshDatabase } from '../../../../test/support/stores/postgres.ts'
import { pause, until } from '../../../../test/support/until.ts'
import type { FleetNews, Role, Tenure } from '../../../inbox/fleet/fleet.ts'
import { systemClock } from '../../../support/clock.ts'
import { newId } from '../../../support/ids.ts'
import { Secret } from '../../../support/secret.ts'
import { openDatabase, type Database } from '../connection/database.ts'
import { migrate } from '../migrations/migrate.ts'
import { joinFleet, type JoinedFleet } from './join-fleet.ts'
import { OutageIds } from './outage-ids.ts'
import { prepareQueue } from './wake-up-queue.ts'

let database: Database
const joined: JoinedFleet[] = []

beforeAll(async () => {
  const url = new Secret(await freshDatabase())
  await migrate({ url, also: prepareQueue })
  database = await openDatabase({ url, clock: systemClock, log: silent, onProblem: fail, connections: 20 })
}, 60_000)

afterAll(async () => {
  await Promise.all(joined.map((fleet) => fleet.stop()))
  await database.close()
})

function fail(error: unknown): never {
  throw error
}

async function join(role: Role = 'all'): Promise<JoinedFleet> {
  const fleet = await joinFleet({
    database,
    id: newId(Date.now()),
    role,
    host: 'here',
    version: '1.2.3',
    home: `home-${newId(Date.now())}`,
    clock: systemClock,
    onProblem: fail,
  })
  joined.push(fleet)
  return fleet
}

/** Remembers whether it serves, and under which fences it has. */
function service() {
  const state = { serving: false, fences: [] as number[] }
  const serve = async (tenure: Tenure) => {
    state.serving = true
    state.fences.push(tenure.fence!.fence)
    return async () => void (state.serving = false)
  }
  return { state, serve }
}

test('the processes see each other, with what each of them holds, until one leaves', async () => {
  const [first, second] = [await join('ingress'), await join('worker')]
  const candidacy = await first.hold('channel:telegram:TEST', service().serve)
  const members = await second.members()
  const seen = (id: string) => members?.find((member) => member.id === id)
  expect(seen(first.id)).toMatchObject({ role: 'ingress', host: 'here', version: '1.2.3', pid: process.pid })
  expect(seen(first.id)?.holds).toContain('channel:telegram:TEST')
  expect(seen(second.id)).toMatchObject({ role: 'worker' })
  expect(second.workers()).toBe(1)
  await candidacy.stop()
  await first.stop()
  expect((await second.members())?.map(({ id }) => id)).not.toContain(first.id)
})

test('what one says the others hear, itself it does not, and counts of the same moment add up', async () => {
  const [first, second] = [await join(), await join()]
  const heard: FleetNews[] = []
  const own: FleetNews[] = []
  first.listen((news) => own.push(news))
  second.listen((news) => heard.push(news))
  for (let round = 0; round < 3; round++) first.notify({ kind: 'count', outcome: 'answered', messages: 2 })
  // More than one notification holds.
  const ids = Array.from({ length: 1_000 }, (_, index) => `chat:${index}-${'x'.repeat(20)}`)
  for (const id of ids) first.notify({ kind: 'changed', id })
  await until(() => heard.filter(({ kind }) => kind === 'changed').length === ids.length, 'all of the news')
  expect(heard).toContainEqual({ kind: 'count', outcome: 'answered', messages: 6 })
  expect(own.filter(({ kind }) => kind === 'changed' || kind === 'count')).toEqual([])
})

test('who was presumed dead, and is not, hears that it has missed something', async () => {
  await Promise.all(joined.splice(0).map((fleet) => fleet.stop()))
  const [alone, suspended] = [await join(), await join()]
  const heard: FleetNews[] = []
  suspended.listen((news) => heard.push(news))
  // Who was heard counts as there for a while.
  await pause(5_100)
  heard.length = 0
  do {
    // As if its heartbeat had come too late, until the next one.
    await database.query(
      `UPDATE hermes.processes SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`,
      [suspended.id],
    )
  } while ((await alone.members())!.length > 1)
  alone.notify({ kind: 'changed', id: 'a' })
  await until(() => heard.length > 0, 'the news')
  expect(heard).toEqual([{ kind: 'missed' }])
}, 30_000)

test('one at a time serves; who stops hands over at once, and the next one has a higher fence', async () => {
  const [first, second] = [await join(), await join()]
  const [a, b] = [service(), service()]
  const candidacy = await first.hold('something', a.serve)
  const other = await second.hold('something', b.serve)
  expect([a.state.serving, b.state.serving]).toEqual([true, false])
  const asked = performance.now()
  await candidacy.stop()
  expect(a.state.serving).toBe(false)
  await until(() => b.state.serving, 'the next one')
  // Not after the lease's term.
  expect(performance.now() - asked).toBeLessThan(4_000)
  expect(b.state.fences[0]).toBeGreaterThan(a.state.fences[0]!)
  await other.stop()
})

test('a worker leads only while nobody is there who speaks to the platforms', async () => {
  await Promise.all(joined.splice(0).map((fleet) => fleet.stop()))
  const worker = await join('worker')
  const [a, b] = [service(), service()]
  const candidacy = await worker.lead(a.serve)
  expect(a.state.serving).toBe(true)
  const ingress = await join('ingress')
  const other = await ingress.lead(b.serve)
  await until(() => b.state.serving && !a.state.serving, 'the change of the lead')
  await other.stop()
  await candidacy.stop()
})

test('an outage has the id that the first process gave it, until it ends', async () => {
  const [first, second] = [new OutageIds(database), new OutageIds(database)]
  expect(await Promise.all([first.of('a'), second.of('b')])).toSatisfy(([one, other]) => one === other)
  const name = await first.of('a')
  expect(await second.of('c')).toBe(name)
  await first.over()
  expect(await second.of('d')).toBe('d')
  // For a process that has not noticed its end it is still the same outage.
  expect(await first.of('a')).toBe(name)
  await second.over()
})
