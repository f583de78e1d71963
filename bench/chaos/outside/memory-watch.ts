import { existsSync, readFileSync } from 'node:fs'

const EVERY_MS = 1_000
/** Garbage comes and goes; what stays is the least of such a time. */
const WINDOW_MS = 10_000
/** Before that caches, pools and compiled code still grow. */
const WARM_UP_SHARE = 1 / 2
const LONGEST_WARM_UP_MS = 150_000
/** In less time a line says nothing. */
const LEAST_JUDGED_MS = 100_000
/** What the line may rise over the whole time that is judged: less than ten bodies of the largest size. */
const MOST_GROWTH_MB = 64

type Sample = { readonly at: number; readonly mb: number }

/** The memory of a process over time: resident, and what is left of it after garbage is collected. @see proc(5) */
export class MemoryWatch implements Disposable {
  readonly #resident: Sample[] = []
  readonly #kept: Sample[] = []
  readonly #start = performance.now()
  readonly #timer: NodeJS.Timeout

  /** @param keptFile where `collect-garbage.ts` writes */
  constructor(pid: number, keptFile: string) {
    this.#timer = setInterval(() => {
      const at = performance.now() - this.#start
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      this.#resident.push({ at, mb: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1_024 })
      const kept = existsSync(keptFile) ? readFileSync(keptFile, 'utf8').trim().split('\n') : []
      for (const mb of kept.slice(this.#kept.length)) this.#kept.push({ at, mb: Number(mb) })
    }, EVERY_MS)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  /** In two lines, and whether both stayed flat as far as that can be judged. */
  report(): { readonly lines: readonly string[]; readonly flat: boolean } {
    const resident = reportOf('resident memory', this.#resident)
    const kept = reportOf('heap and buffers after garbage is collected', this.#kept)
    return { lines: [resident.line, kept.line], flat: resident.flat && kept.flat }
  }
}

function reportOf(what: string, all: readonly Sample[]): { readonly line: string; readonly flat: boolean } {
  const end = all.at(-1)?.at ?? 0
  const warm = Math.min(end * WARM_UP_SHARE, LONGEST_WARM_UP_MS)
  const least = new Map<number, number>()
  for (const { at, mb } of all) {
    const window = Math.floor((at - warm) / WINDOW_MS)
    if (window >= 0) least.set(window, Math.min(mb, least.get(window) ?? Infinity))
  }
  const perWindow = slope([...least])
  const judgedMs = end - warm
  const growth = (perWindow * judgedMs) / WINDOW_MS
  const most = Math.max(...all.map(({ mb }) => mb))
  const [first = NaN] = least.values()
  const last = [...least.values()].at(-1) ?? NaN
  const judged = judgedMs >= LEAST_JUDGED_MS
  return {
    flat: !judged || growth <= MOST_GROWTH_MB,
    line:
      `${what}: ${first.toFixed(0)} MB after ${(warm / 1_000).toFixed(0)} s, ${last.toFixed(0)} MB at the end, ` +
      `${most.toFixed(0)} MB at most; the fitted line rises by ${growth.toFixed(1)} MB in ${(judgedMs / 1_000).toFixed(0)} s ` +
      (judged ? `(bound: ${MOST_GROWTH_MB} MB)` : '(too short to judge)'),
  }
}

/** Of the line with the least squares. */
function slope(points: ReadonlyArray<readonly [number, number]>): number {
  if (points.length < 2) return 0
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const x = mean(points.map(([at]) => at))
  const y = mean(points.map(([, value]) => value))
  const above = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0)
  return above / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
}
