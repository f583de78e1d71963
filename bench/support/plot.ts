import { writeFileSync } from 'node:fs'

export interface Series {
  readonly name: string
  /** Pairs of x and y. */
  readonly points: ReadonlyArray<readonly [number, number]>
}

export interface PlotOptions {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly series: readonly Series[]
}

const WIDTH = 640
const HEIGHT = 300
const LEFT = 56
const RIGHT = 150
const TOP = 52
const BOTTOM = 44
/** Told apart without colours, too: by the shape of the line. */
const LINES = [
  { colour: '#c2571a', dashes: '' },
  { colour: '#2563a8', dashes: '6 3' },
  { colour: '#3f7d3a', dashes: '2 3' },
] as const
const TICKS = 5

/** Draws lines over a logarithmic x axis into an SVG file, for the documents. */
export function plot(file: string, options: PlotOptions): void {
  const { title, x, y, series } = options
  const points = series.flatMap((each) => each.points)
  const xs = points.map(([at]) => Math.log10(at))
  const [from, to] = [Math.min(...xs), Math.max(...xs)]
  const top = niceCeiling(Math.max(...points.map(([, value]) => value)))
  const across = (at: number) =>
    LEFT + ((Math.log10(at) - from) / Math.max(to - from, Number.EPSILON)) * (WIDTH - LEFT - RIGHT)
  const up = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)
  const text = (at: number, height: number, words: string, anchor = 'middle', extra = '') =>
    `<text x="${at.toFixed(1)}" y="${height.toFixed(1)}" text-anchor="${anchor}"${extra}>${escape(words)}</text>`
  const parts = [
    text(LEFT, 20, title, 'start', ' font-weight="600" font-size="14"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x),
    text(LEFT, TOP - 6, y, 'start', ' fill="#666"'),
  ]
  for (let tick = 0; tick <= TICKS; tick++) {
    const value = (top / TICKS) * tick
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${up(value)}" y2="${up(value)}" stroke="#ddd"/>`,
      text(LEFT - 6, up(value) + 4, short(value), 'end'),
    )
  }
  for (const at of new Set(points.map(([value]) => value)))
    parts.push(text(across(at), HEIGHT - BOTTOM + 16, short(at)))
  for (const [index, { name, points: own }] of series.entries()) {
    const { colour, dashes } = LINES[index % LINES.length]!
    const path = own.map(([at, value]) => `${across(at).toFixed(1)},${up(value).toFixed(1)}`).join(' ')
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}"/>`,
      ...own.map(
        ([at, value]) =>
          `<circle cx="${across(at).toFixed(1)}" cy="${up(value).toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
      text(WIDTH - RIGHT + 10, up(own.at(-1)![1]) + 4, name, 'start', ` fill="${colour}"`),
    )
  }
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img" aria-label="${escape(title)}">` +
      `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>${parts.join('')}</svg>\n`,
  )
}

/** The next of 1, 2, 5, 10, 20, 50 … at or above `value`. */
function niceCeiling(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((step) => step * magnitude).find((step) => step >= value)!
}

function short(value: number): string {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(1)}M`
  if (value >= 1e3) return `${+(value / 1e3).toFixed(1)}k`
  return `${+value.toFixed(2)}`
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
