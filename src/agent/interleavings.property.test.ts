import { expect, test } from 'vitest'
import { StepsWorld } from '../../test/support/steps/steps-world.ts'
import { randomOfThisTest } from '../../test/support/test-chance.ts'

const INTERLEAVINGS = 5_000

test('whatever happens between its steps, a turn asks nothing twice, does nothing twice and has one valid end', async () => {
  const random = randomOfThisTest()
  const ends = new Map<string, number>()
  let repeated = 0
  for (let count = 0; count < INTERLEAVINGS; count++) {
    const world = new StepsWorld(random)
    await world.run()
    const { end } = world
    if (end?.kind === 'answered' && world.hasSteps) {
      world.checkHistory(end.blocks!, 'assistant')
      world.checkVerbatim(end.blocks!)
    }
    if (end?.kind === 'answered' || end?.kind === 'stopped') world.checkText(end.text)
    if (end?.kind === 'stopped' && end.blocks) world.checkHistory(end.blocks, 'assistant')
    expect(world.wrongs, `interleaving ${count}\n${world.log.join('\n')}`).toEqual([])
    const name = end?.kind ?? 'withdrawn'
    ends.set(name, (ends.get(name) ?? 0) + 1)
    for (const { begun } of world.runs.values()) if (begun > 1) repeated++
  }
  // All that may happen did happen.
  expect([...ends.keys()].sort()).toEqual(['answered', 'stopped', 'withdrawn'])
  expect(ends.get('answered')).toBeGreaterThan(INTERLEAVINGS / 2)
  expect(repeated).toBeGreaterThan(0)
}, 60_000)
