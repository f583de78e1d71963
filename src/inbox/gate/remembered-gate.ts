import type { FleetNews } from '../fleet/fleet.ts'
import type { Facts } from '../inbox.ts'
import type { ProviderGate, ProviderGateMemory } from './provider-gate.ts'

/** Where the provider's gate is kept over a restart, and where the other processes find it. */
const GATE_FACT = 'inbox.provider-gate'
/** What a process only suspects is kept apart: it must never replace what another one has found out. */
const SUSPICION_FACT = 'inbox.provider-suspicion'

/**
 * What the gate knew before the restart, and a way to keep what it knows now. Losing it
 * costs one request that the provider refuses, so a write that fails is only reported.
 */
export async function rememberedGate(
  facts: Facts,
  onProblem: (error: unknown) => void,
  onWritten: () => void = () => {},
): Promise<{
  readonly remembered: ProviderGateMemory | null
  readonly remember: (memory: ProviderGateMemory | null) => void
}> {
  let writing: Promise<void> = Promise.resolve()
  return {
    remembered: await read(facts),
    remember: (memory) => {
      // One after the other: the last write must hold the latest state.
      writing = writing
        .then(() => write(facts, memory))
        .then(onWritten)
        .catch(onProblem)
    },
  }
}

/** Shares what one process learns of the provider: a limit costs one refused request, not one per process. */
export function followGate(
  gate: Pick<ProviderGate, 'adopt'>,
  facts: Facts,
  listen: (listener: (news: FleetNews) => void) => Disposable,
  onProblem: (error: unknown) => void,
): Disposable {
  let reading: Promise<void> = Promise.resolve()
  return listen(({ kind }) => {
    if (kind !== 'gate' && kind !== 'missed') return
    reading = reading
      .then(() => read(facts))
      .then((memory) => gate.adopt(memory))
      .catch(onProblem)
  })
}

async function write(facts: Facts, memory: ProviderGateMemory | null): Promise<void> {
  if (memory?.suspected) return facts.set(SUSPICION_FACT, JSON.stringify(memory))
  const known = memory === null ? facts.delete(GATE_FACT) : facts.set(GATE_FACT, JSON.stringify(memory))
  // Both at once, so that a stop finds both on their way to the store.
  await Promise.all([known, facts.delete(SUSPICION_FACT)])
}

/** What is known goes before what is suspected. */
async function read(facts: Facts): Promise<ProviderGateMemory | null> {
  const text = (await facts.get(GATE_FACT)) ?? (await facts.get(SUSPICION_FACT))
  return text === null ? null : (JSON.parse(text) as ProviderGateMemory)
}
