import { useEffect, useState } from 'preact/hooks'
import type { ConversationEntry } from '../../../../src/http/wire.ts'
import { useValue } from '../../observable.ts'
import type { BoardProps } from '../board-props.ts'
import { Frame } from '../frame.tsx'
import { SECOND } from '../words.ts'
import { CostPlots } from './cost-plots.tsx'
import { DearestList } from './dearest-list.tsx'
import { type Usage, USAGE_DAYS } from './load-usage.ts'
import { TotalTiles } from './total-tiles.tsx'
import { dearestFirst } from './usage-sums.ts'
import { UsageTable } from './usage-table.tsx'

/** A shorter wait needs no words. */
const SLOW_MS = 2 * SECOND

/** What the requests to the model cost: by day, conversation, model, person and tool. */
export function CostsView({ state, board }: BoardProps) {
  const usage = useValue(board.usage)
  const days = useValue(board.usageDays)
  const failed = useValue(board.failed).has('usage')
  const conversations = useValue(state.conversations)
  const waiting = !failed && usage?.days !== days
  const slow = useSlow(waiting)
  return (
    <Frame state={state} board={board} name="costs" parts={PARTS}>
      <div class="ranges">
        <div role="group" aria-label="Days shown">
          {USAGE_DAYS.map((option) => (
            <button
              key={option}
              type="button"
              aria-pressed={days === option}
              onClick={() => board.showUsage(option)}
            >
              {option} days
            </button>
          ))}
        </div>
        <p role="status">{failed ? '' : slow ? 'Still adding up…' : 'Days begin at midnight UTC.'}</p>
      </div>
      {failed && (
        <div class="warning usage-failed" role="alert">
          <p>
            {usage === null
              ? 'The costs could not be read.'
              : 'The costs could not be read again; these are from the last time.'}
          </p>
          <button type="button" class="plain" onClick={() => board.refresh('usage')}>
            Try again
          </button>
        </div>
      )}
      {usage === null ? (
        !failed && <Skeleton />
      ) : usage.day.total.requests === 0 ? (
        <p class="board-note">
          Nothing was asked of the model in the last {usage.days} days. What it costs will be shown here.
        </p>
      ) : (
        <div class={waiting ? 'usage-shown is-old' : 'usage-shown'} aria-busy={waiting}>
          <Shown usage={usage} conversations={conversations} />
        </div>
      )}
    </Frame>
  )
}

const PARTS = ['usage'] as const

interface ShownProps {
  readonly usage: Usage
  readonly conversations: readonly ConversationEntry[]
}

function Shown({ usage, conversations }: ShownProps) {
  // The requests that no tool had a part in are in the other tables.
  const tools = usage.tool.items.filter(({ key }) => key !== '')
  const nameOf = (key: string): string => conversationName(key, conversations)
  return (
    <>
      <TotalTiles usage={usage} />
      <CostPlots usage={usage} />
      <div class="plots usage-lists">
        <div>
          <DearestList items={usage.conversation.items} nameOf={nameOf} />
          <UsageTable
            title="By model"
            what="Model"
            items={dearestFirst(usage.model.items)}
            nameOf={(key) => key || 'not known'}
          />
        </div>
        <div>
          <UsageTable
            title="By person"
            what="Person"
            items={dearestFirst(usage.person.items)}
            nameOf={(key) => key || 'no person'}
          />
          {tools.length > 0 && (
            <UsageTable title="By tool" what="Tool" items={dearestFirst(tools)} nameOf={(key) => key} />
          )}
        </div>
      </div>
    </>
  )
}

/** A conversation of this page by its first words, as in the list of the chat; another one by its id. */
function conversationName(key: string, conversations: readonly ConversationEntry[]): string {
  if (key === '') return 'no conversation'
  const own = conversations.find(({ id }) => key.startsWith('web:') && key.endsWith(`/${id}`))
  return own?.preview || key
}

/** As high as what will be there, so that nothing moves when it comes. */
function Skeleton() {
  return (
    <div class="usage-shown" aria-busy="true">
      <div class="tiles">
        {Array.from({ length: 4 }, (_, index) => (
          <div key={index} class="panel tile" />
        ))}
      </div>
      <div class="plots">
        {Array.from({ length: 4 }, (_, index) => (
          <div key={index} class="panel plot-wait" />
        ))}
      </div>
    </div>
  )
}

/** True once `waiting` has been true for longer than a reader takes for granted. */
function useSlow(waiting: boolean): boolean {
  const [slow, setSlow] = useState(false)
  useEffect(() => {
    setSlow(false)
    if (!waiting) return
    const timer = setTimeout(() => setSlow(true), SLOW_MS)
    return () => clearTimeout(timer)
  }, [waiting])
  return slow
}
