import { useEffect, useRef } from 'preact/hooks'
import type { ChatState } from './chat-state.ts'
import { Confirmed } from './dashboard/confirmed.tsx'
import { Close, Plus, Wing } from './icons.tsx'
import { useValue } from './observable.ts'
import type { UnsentEntry } from './unsent/outbox.ts'
import { whenWords } from './when.ts'

interface Props {
  readonly state: ChatState
  readonly current: string
  /** On a narrow screen: is the drawer open? */
  readonly open: boolean
  readonly onClose: () => void
  readonly onOpen: (conversation: string) => void
  readonly onNew: () => void
}

/** The conversations: next to the chat on a wide screen, a drawer on a narrow one. */
export function Sidebar({ state, current, open, onClose, onOpen, onNew }: Props) {
  const conversations = useValue(state.conversations)
  const unsent = useValue(state.outbox.entries)
  const others = useValue(state.outbox.others)
  const waiting = new Map(unsent.map((entry) => [entry.conversation, entry]))
  const isListed = (id: string): boolean => conversations.some((entry) => entry.id === id)
  // Known to this browser alone, until their first message is sent.
  const ownOnly = [...new Set([current, ...waiting.keys()])].filter((id) => !isListed(id))
  const closeButton = useRef<HTMLButtonElement>(null)

  useEffect(() => {
    if (open) closeButton.current?.focus()
  }, [open])

  const follow = (event: MouseEvent, id: string): void => {
    // Modified clicks open a new tab, as usual.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    onOpen(id)
  }

  return (
    <>
      <div class={open ? 'veil out' : 'veil'} onClick={onClose} />
      <nav class={open ? 'side out' : 'side'} aria-label="Conversations">
        <div class="side-head">
          <span class="brand">
            <Wing /> Hermes
          </span>
          <button
            ref={closeButton}
            type="button"
            class="quiet side-close"
            aria-label="Close"
            onClick={onClose}
          >
            <Close />
          </button>
        </div>
        <button type="button" class="new" onClick={onNew}>
          <Plus /> New conversation
        </button>
        <ul>
          {ownOnly.map((id) => (
            <li key={id}>
              <a
                href={`/c/${id}`}
                aria-current={id === current ? 'page' : undefined}
                onClick={(event) => follow(event, id)}
              >
                <span class="title">{waiting.get(id)?.text || 'New conversation'}</span>
                {waiting.has(id) && <NotSent entry={waiting.get(id)!} />}
              </a>
            </li>
          ))}
          {conversations.map((entry) => (
            <li key={entry.id}>
              <a
                href={`/c/${entry.id}`}
                aria-current={entry.id === current ? 'page' : undefined}
                onClick={(event) => follow(event, entry.id)}
              >
                <span class="title">{entry.preview.replace(/[*_`#>]+/g, '').trim() || 'Attachment'}</span>
                {waiting.has(entry.id) ? (
                  <NotSent entry={waiting.get(entry.id)!} />
                ) : (
                  <time dateTime={entry.lastAt}>{whenWords(entry.lastAt, Date.now())}</time>
                )}
              </a>
            </li>
          ))}
        </ul>
        {others > 0 && (
          <p class="side-foot">
            {others === 1 ? 'One unsent message' : `${others} unsent messages`} of another sign-in{' '}
            {others === 1 ? 'is' : 'are'} kept in this browser.{' '}
            <Confirmed
              label="Discard"
              question="Discard for good?"
              onYes={() => void state.outbox.discardOthers()}
            />
          </p>
        )}
      </nav>
    </>
  )
}

function NotSent({ entry }: { entry: UnsentEntry }) {
  return <span class="unsent">{entry.refusal === null ? 'not sent yet' : 'not sent'}</span>
}
