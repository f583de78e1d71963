import { useState } from 'preact/hooks'
import type { UsageItem } from '../../../../src/http/wire-reports.ts'
import { costWords, percent, short } from './amounts.ts'
import { cacheShare, inputOf } from './usage-sums.ts'

/** More rows are shown on request. */
const ROWS = 12

interface Props {
  readonly title: string
  /** What a row is: the heading of the first column. */
  readonly what: string
  readonly items: readonly UsageItem[]
  readonly nameOf: (key: string) => string
}

/** Requests, tokens and cost of each item. */
export function UsageTable({ title, what, items, nameOf }: Props) {
  const [all, setAll] = useState(false)
  const shown = all ? items : items.slice(0, ROWS)
  return (
    <section class="panel usage">
      <h2>{title}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{what}</th>
            <th scope="col">Requests</th>
            <th scope="col">Tokens in</th>
            <th scope="col">Tokens out</th>
            <th scope="col">From cache</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((item) => (
            <tr key={item.key}>
              <th scope="row" title={item.key}>
                {nameOf(item.key)}
              </th>
              <td>{short(item.requests)}</td>
              <td>{short(inputOf(item))}</td>
              <td>{short(item.outputTokens)}</td>
              <td>{percent(cacheShare(item))}</td>
              <td>{costWords(item)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {items.length > shown.length && (
        <button type="button" class="link small" onClick={() => setAll(true)}>
          Show all {items.length.toLocaleString('en-GB')}
        </button>
      )}
    </section>
  )
}
