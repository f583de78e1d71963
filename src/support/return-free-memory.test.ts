import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { returnFreeMemory } from './return-free-memory.ts'

const ON = '--memory-saver-mode'
const OFF = '--no-memory-saver-mode'

function fixture() {
  const clock = new FakeClock()
  const flags: string[] = []
  const memory = { mb: 100 }
  const watch = returnFreeMemory({
    clock,
    resident: () => memory.mb * 1024 * 1024,
    setFlag: (flag) => void flags.push(flag),
  })
  return { clock, flags, memory, watch }
}

describe('free memory', () => {
  it('is returned after a burst, and only then', async () => {
    const { clock, flags, memory } = fixture()
    await clock.advance(600_000)
    memory.mb = 400
    await clock.advance(10_000)
    expect(flags).toEqual([ON])
    memory.mb = 120
    await clock.advance(10_000)
    expect(flags).toEqual([ON, OFF])
    await clock.advance(600_000)
    expect(flags).toEqual([ON, OFF])
  })

  it('is not asked for under a steady load', async () => {
    const { clock, flags, memory } = fixture()
    memory.mb = 180
    await clock.advance(600_000)
    expect(flags).toEqual([])
  })

  it('is not asked for again where all of it turns out to be in use', async () => {
    const { clock, flags, memory } = fixture()
    memory.mb = 300
    await clock.advance(70_000)
    expect(flags).toEqual([ON, OFF])
    await clock.advance(600_000)
    expect(flags).toEqual([ON, OFF])
    memory.mb = 400
    await clock.advance(10_000)
    expect(flags).toEqual([ON, OFF, ON])
  })

  it('is asked for at the same size when less is in use again', async () => {
    const { clock, flags, memory } = fixture()
    memory.mb = 300
    await clock.advance(70_000)
    memory.mb = 120
    await clock.advance(10_000)
    memory.mb = 300
    await clock.advance(10_000)
    expect(flags).toEqual([ON, OFF, ON])
  })

  it('is not asked for any more at the end', async () => {
    const { clock, flags, memory, watch } = fixture()
    watch[Symbol.dispose]()
    memory.mb = 400
    await clock.advance(60_000)
    expect(flags).toEqual([])
  })
})
