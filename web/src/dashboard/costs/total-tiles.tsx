import type { UsageTotal } from '../../../../src/http/wire-reports.ts'
import { costWords, percent, short } from './amounts.ts'
import type { Usage } from './load-usage.ts'
import { cacheShare, inputOf } from './usage-sums.ts'

/** The sums of all days. */
export function TotalTiles({ usage }: { usage: Usage }) {
  const { total } = usage.day
  return (
    <dl class="tiles">
      <Tile
        name={total.subscriptionRequests > 0 ? 'Cost at API prices' : 'Cost'}
        value={costWords(total)}
        notes={costNotes(total)}
      />
      <Tile name="Requests" value={short(total.requests)} notes={[`in ${usage.days} days`]} />
      <Tile
        name="Tokens"
        value={short(inputOf(total) + total.outputTokens)}
        notes={[`${short(inputOf(total))} in, ${short(total.outputTokens)} out`]}
      />
      <Tile
        name="Read from the cache"
        value={percent(cacheShare(total))}
        notes={[`${short(total.cacheReadTokens)} of ${short(inputOf(total))} tokens`]}
      />
    </dl>
  )
}

/** What the sum leaves out, or can only estimate. */
function costNotes({ unknownCostRequests, estimatedRequests }: UsageTotal): readonly string[] {
  return [
    ...(unknownCostRequests === 0 ? [] : [`${short(unknownCostRequests)} without a price`]),
    ...(estimatedRequests === 0 ? [] : [`${short(estimatedRequests)} estimated`]),
  ]
}

interface TileProps {
  readonly name: string
  readonly value: string
  readonly notes: readonly string[]
}

function Tile({ name, value, notes }: TileProps) {
  return (
    <div class="panel tile">
      <dt>{name}</dt>
      <dd>
        <span class="tile-value">{value}</span>
        {notes.map((note) => (
          <span key={note} class="small" title={note}>
            {note}
          </span>
        ))}
      </dd>
    </div>
  )
}
