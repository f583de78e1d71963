import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ChatState } from './chat-state.ts'
import { copyText } from './copy.ts'
import { Down } from './icons.tsx'
import { DraftView, ItemView, Thinking, UnsentView } from './message.tsx'
import { readingOrder } from './reading-order.ts'
import { isThinking, type Thread } from './thread.ts'
import { Welcome } from './welcome.tsx'

/** Closer to the end than this counts as at the end. */
const NEAR_PX = 80
/** How long a copy button shows "Copied". */
const COPIED_MS = 1_500

interface Props {
  readonly state: ChatState
  readonly thread: Thread
  readonly sandbox: boolean
  /** Something keeps messages from being answered. */
  readonly holding: boolean
  readonly onSuggestion: (text: string) => void
}

/** The messages, oldest first; follows the end while the reader is there. */
export function ThreadView({ state, thread, sandbox, holding, onSuggestion }: Props) {
  const scroller = useRef<HTMLElement>(null)
  const [atEnd, setAtEnd] = useState(true)
  const following = useRef(true)
  const { items, pending, draft } = thread
  const { said, queued } = readingOrder(items)
  const thinking = isThinking(thread, holding)
  const isAnswering = (draft && draft.text !== '') || thinking
  const unsent = pending.map((entry) => <UnsentView key={entry.messageId} entry={entry} state={state} />)

  const empty = thread.loaded && items.length === 0 && pending.length === 0 && !draft
  const toEnd = (): void => {
    const element = scroller.current
    // The welcome is shown from the top.
    if (element) element.scrollTop = element.querySelector('.welcome') ? 0 : element.scrollHeight
  }

  useLayoutEffect(() => {
    following.current = true
    setAtEnd(true)
    toEnd()
  }, [thread.id, thread.loaded])
  // A message just sent is always scrolled into view.
  useLayoutEffect(() => {
    if (pending.length > 0) following.current = true
  }, [pending.length])
  useLayoutEffect(() => {
    if (following.current) toEnd()
  })
  useEffect(() => {
    const element = scroller.current
    if (!element) return
    // Pictures and a phone's keyboard change the height without a new message.
    const observer = new ResizeObserver(() => following.current && toEnd())
    observer.observe(element)
    for (const child of element.children) observer.observe(child)
    return () => observer.disconnect()
  }, [thread.id])

  const onScroll = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = scroller.current!
    following.current = scrollHeight - scrollTop - clientHeight < NEAR_PX
    setAtEnd(following.current)
  }

  const readEarlier = async (): Promise<void> => {
    const element = scroller.current!
    const fromEnd = element.scrollHeight - element.scrollTop
    following.current = false
    await state.readEarlier()
    // Keep the reader's scroll position.
    requestAnimationFrame(() => (element.scrollTop = element.scrollHeight - fromEnd))
  }

  return (
    <main class="scroller" ref={scroller} onScroll={onScroll} onClick={onCopyClick} tabIndex={0}>
      <div class="column">
        {thread.hasEarlier && (
          <button type="button" class="earlier" onClick={() => void readEarlier()}>
            Show earlier messages
          </button>
        )}
        {empty && <Welcome sandbox={sandbox} onSuggestion={onSuggestion} />}
        <div role="log" aria-label="Messages" aria-live="polite" aria-relevant="additions" class="log">
          {said.map((item) => (
            <ItemView key={item.id} item={item} conversation={thread.id} holding={holding} />
          ))}
          {!isAnswering && unsent}
        </div>
        {draft && draft.text !== '' && <DraftView text={draft.text} />}
        {thinking && <Thinking />}
        {(queued.length > 0 || isAnswering) && (
          <div class="log" role="group" aria-label="Waiting messages">
            {queued.map((item, index) => (
              <ItemView
                key={item.id}
                item={item}
                conversation={thread.id}
                place={index + 1}
                onCancel={() => void state.cancel(item.id)}
              />
            ))}
            {isAnswering && unsent}
          </div>
        )}
      </div>
      {!atEnd && (
        <button
          type="button"
          class="to-end"
          aria-label="To the latest message"
          onClick={() => {
            following.current = true
            toEnd()
          }}
        >
          <Down />
        </button>
      )}
    </main>
  )
}

/** The copy buttons are in sanitised HTML, so their clicks are handled here. */
function onCopyClick(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLButtonElement>('button.copy')
  const code = button?.closest('.code')?.querySelector('code')
  if (!button || !code) return
  void copyAndTell(code.textContent ?? '', button)
}

async function copyAndTell(text: string, button: HTMLElement): Promise<void> {
  button.textContent = (await copyText(text)) ? 'Copied' : 'Select and copy'
  setTimeout(() => (button.textContent = 'Copy'), COPIED_MS)
}
