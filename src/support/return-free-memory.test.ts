import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { returnFreeMemory } from './return-free-memory.ts'

const MB = 1024 * 1024
const ON = '--memory-saver-mode'
const OFF = '--no-memory-saver-mode'

function fixture() {
  const clock = new FakeClock()
  const flags: string[] = []
  /** In MB; `other` is what is neither in the heap nor kept by it. */
  const memory = { heap: 50, external: 10, other: 60, kept: 0 }
  const watch = returnFreeMemory({
    clock,
    usage: () => ({
      rss: (memory.heap + memory.external + memory.other + memory.kept) * MB,
      heapTotal: memory.heap * MB,
      external: memory.external * MB,
    }),
    setFlag: (flag) => void flags.push(flag),
  })
  return { clock, flags, memory, watch }
}

describe('free memory', () => {
  it('is returned while much of it is kept, and no longer', async () => {
    const { clock, flags, memory } = fixture()
    memory.kept = 300
    await clock.advance(10_000)
    expect(flags).toEqual([ON])
    memory.kept = 20
    await clock.advance(10_000)
    expect(flags).toEqual([ON, OFF])
    await clock.advance(600_000)
    expect(flags).toEqual([ON, OFF])
  })

  it('is not asked for under a load that uses it', async () => {
    const { clock, flags, memory } = fixture()
    Object.assign(memory, { heap: 600, external: 200, kept: 60 })
    await clock.advance(600_000)
    expect(flags).toEqual([])
  })

  it('is not asked for again where it turns out to be in use', async () => {
    const { clock, flags, memory } = fixture()
    memory.other = 260
    await clock.advance(70_000)
    expect(flags).toEqual([ON, OFF])
    await clock.advance(600_000)
    expect(flags).toEqual([ON, OFF])
    memory.kept = 100
    await clock.advance(10_000)
    expect(flags).toEqual([ON, OFF, ON])
  })

  it('is asked for again when less is in use than before', async () => {
    const { clock, flags, memory } = fixture()
    memory.other = 260
    await clock.advance(70_000)
    memory.other = 60
    await clock.advance(10_000)
    memory.kept = 100
    await clock.advance(10_000)
    expect(flags).toEqual([ON, OFF, ON])
  })

  it('is left alone at the end', async () => {
    const { clock, flags, memory, watch } = fixture()
    watch[Symbol.dispose]()
    memory.kept = 300
    await clock.advance(60_000)
    expect(flags).toEqual([])
  })
})
