import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { admitsAll, CombinedGate, type GateState, SwitchGate } from './gate.ts'
import { ProviderGate, reportedStatus, type ProviderGateMemory } from './provider-gate.ts'

type Closed = Extract<GateState, { open: false }>

function open(clock = new FakeClock()) {
  const gate = new ProviderGate({ clock, texts: DEFAULT_TEXTS, random: () => 0.5, onProblem: rethrow })
  const closed = (): Closed => {
    const state = gate.current()
    if (state.open) throw new Error('the gate is open')
    return state
  }
  return { clock, gate, closed }
}

test('one failure closes it, the wait over one probe may pass, its success opens it', async () => {
  const { clock, gate, closed } = open()
  gate.unavailable(null, 'overloaded')
  expect(closed()).toMatchObject({ status: 'provider-unavailable', reason: 'overloaded', probing: false })
  await clock.advance(2 * SECOND)
  expect(closed().probing).toBe(true)
  gate.succeeded()
  expect(gate.current().open).toBe(true)
})

test('a probe that fails doubles the wait; failures of the same moment do not', async () => {
  const { clock, gate, closed } = open()
  const wait = () => closed().until! - clock.now()
  for (let count = 0; count < 50; count++) gate.unavailable(null, 'overloaded')
  expect(wait()).toBe(2 * SECOND)
  const { id } = closed()
  const waits: number[] = []
  for (let probe = 0; probe < 9; probe++) {
    await clock.advance(wait())
    gate.unavailable(null, 'overloaded')
    waits.push(wait() / SECOND)
  }
  expect(waits).toEqual([4, 8, 16, 32, 64, 128, 256, 300, 300])
  expect(closed().id).toBe(id)
})

test('what may be the failure of a request holds that request alone, until it is seen to be of all', async () => {
  const { clock, gate, closed } = open()
  const wait = () => closed().until! - clock.now()
  gate.unavailable(null, 'provider', true)
  expect(closed()).toMatchObject({ status: 'provider-unavailable', suspected: true, probing: true })
  gate.unavailable(null, 'provider', true)
  expect(wait()).toBe(2 * SECOND)
  await clock.advance(2 * SECOND)
  gate.unavailable(null, 'provider', true)
  expect(wait()).toBe(4 * SECOND)
  const { id } = closed()
  gate.unavailable(null, 'provider')
  expect(closed()).toMatchObject({ id, suspected: false, probing: false })
  // A probe that fails is no reason to let all proceed.
  await clock.advance(wait())
  gate.unavailable(null, 'provider', true)
  expect(closed()).toMatchObject({ suspected: false, probing: false })
})

test('a suspicion outlasts a restart', () => {
  const clock = new FakeClock()
  const options = { clock, texts: DEFAULT_TEXTS, random: () => 0.5, onProblem: rethrow }
  let memory: ProviderGateMemory | null = null
  const first = new ProviderGate({ ...options, remember: (known) => (memory = known) })
  first.unavailable(null, 'provider', true)
  const restarted = new ProviderGate({ ...options, remembered: JSON.parse(JSON.stringify(memory)) })
  expect(restarted.current()).toEqual(first.current())
})

test('two that fail by turns wait longer and longer', async () => {
  const { clock, gate, closed } = open()
  const wait = () => closed().until! - clock.now()
  const tries: number[] = [clock.now(), clock.now() + 700]
  const waits: number[] = []
  for (let round = 0; round < 10; round++) {
    const at = tries.shift()!
    await clock.advance(at - clock.now())
    gate.unavailable(null, 'provider', true)
    waits.push(wait() / SECOND)
    tries.push(closed().until!)
    tries.sort((a, b) => a - b)
  }
  expect(waits).toEqual([2, 2, 4, 4, 8, 8, 16, 16, 32, 32])
})

/** The gates of processes on one store, which learn at once what another remembers. */
function fleet(clock: FakeClock, size: number): ProviderGate[] {
  const gates: ProviderGate[] = []
  for (let index = 0; index < size; index++)
    gates.push(
      new ProviderGate({
        clock,
        texts: DEFAULT_TEXTS,
        random: () => 0.5,
        onProblem: rethrow,
        remember: (memory) => gates.forEach((other, at) => at !== index && other.adopt(memory)),
      }),
    )
  return gates
}

test('a suspicion is one outage in every process, and holds nobody there', async () => {
  const clock = new FakeClock()
  const [first, second, idle] = fleet(clock, 3) as [ProviderGate, ProviderGate, ProviderGate]
  first.unavailable(null, 'provider', true)
  const { id } = first.current() as { id: string }
  for (const gate of [second, idle]) {
    expect(gate.current()).toMatchObject({ id, suspected: true })
    expect(admitsAll(gate.current())).toBe(true)
  }
  // For an hour two processes fail in turn, and the third knows it from the others alone.
  for (let minutes = 0; minutes < 60; minutes += 5) {
    await clock.advance(5 * MINUTE)
    for (const gate of [first, second]) gate.unavailable(null, 'provider', true)
    expect(idle.current()).toMatchObject({ id, suspected: true })
  }
  first.unavailable(null, 'provider')
  expect(idle.current()).toMatchObject({ id, suspected: false })
  first.succeeded()
  expect([second, idle].map((gate) => gate.current().open)).toEqual([true, true])
})

test('who was answered since a failure elsewhere says so, and then it is the failure of that request', async () => {
  const clock = new FakeClock()
  const [failing, working, idle] = fleet(clock, 3) as [ProviderGate, ProviderGate, ProviderGate]
  failing.unavailable(null, 'provider', true)
  working.succeeded()
  for (const gate of [failing, working, idle]) expect(gate.current().open).toBe(true)
  failing.unavailable(null, 'provider', true)
  for (const gate of [failing, working, idle]) expect(gate.current().open).toBe(true)
  // Once for each answer: what fails after it may be an outage that has begun since.
  await clock.advance(SECOND)
  failing.unavailable(null, 'provider', true)
  for (const gate of [failing, working, idle]) expect(gate.current().open).toBe(false)
})

test('a wait that was asked for is obeyed up to an hour', () => {
  const { clock, gate, closed } = open()
  gate.unavailable(120 * SECOND, 'overloaded')
  expect(closed().until! - clock.now()).toBe(120 * SECOND)
  gate.unavailable(DAY, 'overloaded')
  expect(closed().until! - clock.now()).toBe(HOUR)
})

test('a usage limit is named with its end, and an older answer does not lift it', async () => {
  const { clock, gate, closed } = open()
  gate.usageLimited(clock.now() + 3 * HOUR - 20 * SECOND)
  expect(closed().notice).toContain('until 03:00 UTC')
  expect(closed().tellAt).toBe(clock.now())
  gate.succeeded()
  expect(gate.current().open).toBe(false)
  await clock.advance(3 * HOUR)
  gate.succeeded()
  expect(gate.current().open).toBe(true)
})

test('a limit whose end has passed already is asked about with growing waits, not at once', async () => {
  const { clock, gate, closed } = open()
  gate.usageLimited(clock.now() - HOUR)
  expect(closed().until! - clock.now()).toBe(5 * SECOND)
  await clock.advance(5 * SECOND)
  gate.usageLimited(clock.now() - HOUR)
  expect(closed().until! - clock.now()).toBe(10 * SECOND)
})

test('a clock that was set forward ends the wait, a suspended machine too', async () => {
  const { clock, gate, closed } = open()
  gate.usageLimited(clock.now() + 10 * HOUR)
  clock.jump(11 * HOUR)
  await clock.advance(MINUTE)
  expect(closed().probing).toBe(true)
})

test('a restart remembers the outage and its end', async () => {
  const clock = new FakeClock()
  let memory: ProviderGateMemory | null = null
  const remember = (now: ProviderGateMemory | null) => (memory = now)
  const first = new ProviderGate({ clock, texts: DEFAULT_TEXTS, remember, onProblem: rethrow })
  first.usageLimited(clock.now() + HOUR)
  first.stop()
  const second = new ProviderGate({
    clock,
    texts: DEFAULT_TEXTS,
    remembered: JSON.parse(JSON.stringify(memory)),
    remember,
    onProblem: rethrow,
  })
  expect(second.current()).toEqual(first.current())
  await clock.advance(HOUR)
  expect(second.current()).toMatchObject({ open: false, probing: true })
  second.succeeded()
  expect(memory).toBeNull()
})

test('with no message waiting, the gate does not stay shut forever', async () => {
  const { clock, gate } = open()
  gate.unavailable(null, 'network')
  await clock.advance(20 * MINUTE)
  expect(gate.current().open).toBe(true)
})

test('monitors see an overload after a minute, and a limit at once', () => {
  const { clock, gate } = open()
  gate.unavailable(null, 'overloaded')
  expect(reportedStatus(gate.current(), clock.now() + 59 * SECOND)).toBeNull()
  expect(reportedStatus(gate.current(), clock.now() + 60 * SECOND)).toBe('provider-unavailable')
  gate.usageLimited(clock.now() + HOUR)
  expect(reportedStatus(gate.current(), clock.now())).toBe('usage-limited')
})

test('of several gates one that is shut outright speaks before one that lets a probe pass', async () => {
  const { clock, gate, closed } = open()
  const credential = new SwitchGate(rethrow)
  const both = new CombinedGate([credential, gate])
  const seen: boolean[] = []
  using _ = both.subscribe((state) => seen.push(state.open))
  gate.unavailable(null, 'overloaded')
  await clock.advance(2 * SECOND)
  expect(both.current()).toBe(gate.current())
  credential.set({ ...closed(), status: 'needs-login', probing: false })
  expect(both.current()).toMatchObject({ status: 'needs-login', probing: false })
  credential.set({ open: true })
  gate.succeeded()
  expect(both.current().open).toBe(true)
  expect(seen.at(-1)).toBe(true)
})

test('what another process has found out is known here, and is not told to others again', () => {
  const clock = new FakeClock()
  const told: unknown[] = []
  const options = { clock, texts: DEFAULT_TEXTS, random: () => 0.5, onProblem: rethrow }
  let memory: ProviderGateMemory | null = null
  const first = new ProviderGate({ ...options, remember: (known) => (memory = known) })
  const second = new ProviderGate({ ...options, remember: (known) => told.push(known) })
  first.usageLimited(clock.now() + 60 * SECOND)
  second.adopt(memory)
  expect(second.current()).toEqual(first.current())
  first.succeeded()
  second.adopt(null)
  expect(second.current()).toEqual({ open: true })
  expect(told).toEqual([])
})
