import type { UsageItem } from '../../../../src/http/wire-reports.ts'
import { count } from '../words.ts'
import { costWords, short } from './amounts.ts'
import { dearestFirst, tokensOf } from './usage-sums.ts'

const LISTED = 8

interface Props {
  readonly items: readonly UsageItem[]
  readonly nameOf: (key: string) => string
}

/** The conversations that cost the most, each with a bar next to the dearest one's. */
export function DearestList({ items, nameOf }: Props) {
  const listed = dearestFirst(items).slice(0, LISTED)
  const highest = Math.max(0, ...listed.map(({ costUsd }) => costUsd ?? 0))
  return (
    <section class="panel dearest">
      <h2>Dearest conversations</h2>
      <ol>
        {listed.map((item) => (
          <li key={item.key}>
            <span class="dearest-name" title={item.key}>
              {nameOf(item.key)}
            </span>
            <b>{costWords(item)}</b>
            <span class="small">
              {count(item.requests, 'request')}, {short(tokensOf(item))} tokens
            </span>
            <svg class="dearest-bar" width="100%" height="6" aria-hidden="true">
              <rect class="room-left" width="100%" height="6" rx="3" />
              {item.costUsd !== null && highest > 0 && (
                <rect width={`${((item.costUsd / highest) * 100).toFixed(2)}%`} height="6" rx="3" />
              )}
            </svg>
          </li>
        ))}
      </ol>
    </section>
  )
}
