import { appendFileSync } from 'node:fs'

/**
 * Loaded into the gateway ahead of its program (`--import`, with `--expose-gc`): collects garbage again and again,
 * and appends what is left to the file HERMES_KEPT_MEMORY, in MB, one line each time.
 */
const EVERY_MS = 10_000

const file = process.env['HERMES_KEPT_MEMORY']!
const collect = (globalThis as unknown as { gc(): void }).gc

setInterval(() => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  appendFileSync(file, `${(heapUsed + external) / 2 ** 20}\n`)
}, EVERY_MS).unref()
