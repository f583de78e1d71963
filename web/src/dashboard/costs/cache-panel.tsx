import type { CacheReport } from '../../../../src/http/wire-reports.ts'
import { count } from '../words.ts'
import { percent } from './amounts.ts'
import { cacheReasonWords } from './cache-words.ts'

/** What was read from the cache next to what could have been, and why it was less. */
export function CachePanel({ cache }: { cache: CacheReport }) {
  const { readShare, possibleShare, reasons } = cache
  return (
    <section class="panel cache-use">
      <h2>Why the cache was not read</h2>
      <p class="small">
        {readShare === null
          ? 'Nothing was asked since the gateway started.'
          : `${percent(readShare)} was read where ${percent(possibleShare)} could have been, by what each request had left for the next. Counted since the gateway started.`}
      </p>
      {reasons.length > 0 && (
        <ul>
          {reasons.map(({ reason, isExpected, requests }) => (
            <li key={reason}>
              <span class={isExpected ? 'mark-dot' : 'mark-dot bad'} aria-hidden="true" />
              <span>
                {!isExpected && <b>Not as it should be: </b>}
                {cacheReasonWords(reason)}
              </span>
              <span class="cache-count">{count(requests, 'request')}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
