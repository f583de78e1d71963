import { useValue } from '../observable.ts'
import type { BoardState } from './board-state.ts'
import { DAY, HOUR, moment } from './words.ts'

const RANGES = [
  ['1 hour', HOUR],
  ['24 hours', DAY],
  ['30 days', 30 * DAY],
] as const

/** The time range of the strip and the plots. */
export function RangePicker({ board }: { board: BoardState }) {
  const range = useValue(board.range)
  return (
    <div class="ranges">
      <div role="group" aria-label="Time shown">
        {RANGES.map(([label, lengthMs]) => (
          <button
            key={label}
            type="button"
            aria-pressed={range.to === null && range.lengthMs === lengthMs}
            onClick={() => board.show({ lengthMs, to: null })}
          >
            {label}
          </button>
        ))}
      </div>
      {range.to !== null && (
        <p role="status">
          {moment(range.to - range.lengthMs)} to {moment(range.to)}{' '}
          <button
            type="button"
            class="link"
            onClick={() => board.show({ lengthMs: outer(range.lengthMs), to: null })}
          >
            Back to now
          </button>
        </p>
      )}
    </div>
  )
}

/** The smallest standard range that covers a selection. */
function outer(lengthMs: number): number {
  return RANGES.find(([, length]) => length >= lengthMs)?.[1] ?? 30 * DAY
}
