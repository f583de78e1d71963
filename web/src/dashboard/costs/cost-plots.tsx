import { useMemo, useState } from 'preact/hooks'
import type { UsageItem } from '../../../../src/http/wire-reports.ts'
import { axisDollars, costWords, dollars, percent, short } from './amounts.ts'
import { CachePanel } from './cache-panel.tsx'
import { dateOf, DayPlot, type Layer } from './day-plot.tsx'
import type { Usage } from './load-usage.ts'
import { cacheShare, everyDay } from './usage-sums.ts'
import { UsageTable } from './usage-table.tsx'

type Kind = 'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens'

/** From the bottom of the bar upwards: the cheapest and usually largest first. */
const KINDS: ReadonlyArray<readonly [kind: Kind, label: string, colour: string]> = [
  ['cacheReadTokens', 'cache read', 'good'],
  ['cacheWriteTokens', 'cache written', 'ink-soft'],
  ['inputTokens', 'other input', 'accent'],
  ['outputTokens', 'output', 'wait'],
]

interface Props {
  readonly usage: Usage
}

/** Tokens, cost and the cache's share for each day, and the same as a table. */
export function CostPlots({ usage }: Props) {
  const [index, setIndex] = useState<number | null>(null)
  const days = useMemo(() => everyDay(usage.day.items, usage.days, usage.at), [usage])
  const keys = days.map(({ key }) => key)
  const chosen = index !== null && index < days.length ? index : null
  const common = { days: keys, index: chosen, onIndex: setIndex }
  const { total } = usage.day
  return (
    <>
      <div class="plots usage-plots">
        <DayPlot
          title={total.subscriptionRequests > 0 ? 'Cost a day, at API prices' : 'Cost a day'}
          layers={[layer('cost', 'accent', days, ({ costUsd }) => costUsd, costWords(total))]}
          format={dollars}
          axis={axisDollars}
          missing="unknown"
          marked={days.map(({ unknownCostRequests }) => unknownCostRequests > 0)}
          {...common}
        />
        <DayPlot
          title="Tokens a day"
          layers={KINDS.map(([kind, label, colour]) =>
            layer(label, colour, days, (day) => day[kind], short(total[kind])),
          )}
          format={short}
          missing="none"
          {...common}
        />
        <DayPlot
          title="Share read from the cache"
          layers={[layer('of all input', 'good', days, cacheShare, percent(cacheShare(total)))]}
          format={percent}
          missing="no requests"
          top={1}
          {...common}
        />
        {usage.day.cache && <CachePanel cache={usage.day.cache} />}
      </div>
      <details class="in-words usage-days">
        <summary>Each day as a table</summary>
        <UsageTable title="By day" what="Day (UTC)" items={days.toReversed()} nameOf={dateOf} />
      </details>
    </>
  )
}

function layer(
  label: string,
  colour: string,
  days: readonly UsageItem[],
  of: (day: UsageItem) => number | null,
  whole: string,
): Layer {
  return { label, colour, values: days.map(of), whole }
}
