/** Milliseconds of the processor that `work` takes: on a busy machine it waits longer, and works no more. */
export function cpuMsOf(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
