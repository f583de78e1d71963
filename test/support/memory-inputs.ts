import { ParkedInputs } from '../../src/inbox/parked-inputs.ts'
import { systemClock } from '../../src/support/clock.ts'

/** Parked inputs in memory. */
export function memoryInputs(): ParkedInputs {
  const values = new Map<string, string>()
  const inbox: ConstructorParameters<typeof ParkedInputs>[0] = {
    async accept({ cursors }) {
      for (const { name, value } of cursors) values.set(name, value)
      return []
    },
    cursor: async (_channel, name) => values.get(name) ?? null,
    cursors: async () => [...values].map(([name, value]) => ({ name, value })),
    removeCursor: async (_channel, name) => void values.delete(name),
  }
  return new ParkedInputs(inbox, systemClock)
}
