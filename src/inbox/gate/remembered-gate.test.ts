import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import { HOUR } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import type { FleetNews } from '../fleet/fleet.ts'
import { admitsAll } from './gate.ts'
import { ProviderGate } from './provider-gate.ts'
import { followGate, rememberedGate } from './remembered-gate.ts'

/** Processes on one store. */
function fleet() {
  const clock = new FakeClock()
  const stored = new Map<string, string>()
  const facts = {
    get: async (key: string) => stored.get(key) ?? null,
    set: async (key: string, value: string) => void stored.set(key, value),
    delete: async (key: string) => void stored.delete(key),
  }
  const news = new Emitter<FleetNews>(rethrow)
  /** @param hears what the others announce */
  const start = async ({ hears }: { hears: boolean }) => {
    const { remembered, remember } = await rememberedGate(facts, rethrow, () => news.emit({ kind: 'gate' }))
    const options = { clock, texts: DEFAULT_TEXTS, random: () => 0.5, onProblem: rethrow }
    const gate = new ProviderGate({ ...options, remembered, remember })
    if (hears) followGate(gate, facts, (listener) => news.subscribe(listener), rethrow)
    return gate
  }
  return { clock, start }
}

/** Facts are written and read behind each other. */
async function written(clock: FakeClock): Promise<void> {
  await clock.advance(0)
  await clock.advance(0)
}

test('what one process suspects replaces nothing that another has found out', async () => {
  const { clock, start } = fleet()
  const knows = await start({ hears: false })
  const suspects = await start({ hears: false })
  knows.usageLimited(clock.now() + HOUR)
  await written(clock)
  suspects.unavailable(null, 'provider', true)
  await written(clock)
  const next = await start({ hears: true })
  expect(next.current()).toEqual(knows.current())
  knows.usageLimited(clock.now() + HOUR)
  await written(clock)
  expect((await start({ hears: false })).current()).toMatchObject({ status: 'usage-limited' })
})

test('a suspicion is remembered over a restart until it ends, and holds no other process', async () => {
  const { clock, start } = fleet()
  const other = await start({ hears: true })
  const gate = await start({ hears: true })
  gate.unavailable(null, 'provider', true)
  await written(clock)
  expect(admitsAll(other.current())).toBe(true)
  expect((await start({ hears: false })).current()).toEqual(gate.current())
  gate.succeeded()
  await written(clock)
  expect((await start({ hears: false })).current().open).toBe(true)
})
