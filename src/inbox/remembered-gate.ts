import type { Facts } from './facts.ts'
import type { ProviderGateMemory } from './provider-gate.ts'

/** Where the provider's gate is kept over a restart. */
const GATE_FACT = 'inbox.provider-gate'

/**
 * What the gate knew before the restart, and a way to keep what it knows now. Losing it
 * costs one request that the provider refuses, so a write that fails is only reported.
 */
export async function rememberedGate(
  facts: Facts,
  onProblem: (error: unknown) => void,
): Promise<{
  readonly remembered: ProviderGateMemory | null
  readonly remember: (memory: ProviderGateMemory | null) => void
}> {
  const text = await facts.get(GATE_FACT)
  return {
    remembered: text === null ? null : (JSON.parse(text) as ProviderGateMemory),
    remember: (memory) => {
      const write = memory === null ? facts.delete(GATE_FACT) : facts.set(GATE_FACT, JSON.stringify(memory))
      write.catch(onProblem)
    },
  }
}
