import { memo } from 'preact/compat'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { AttachmentInfo, MessageItem } from '../../src/http/wire.ts'
import { attachmentAddress } from './api.ts'
import type { ChatState } from './chat-state.ts'
import { Page } from './icons.tsx'
import { showMarkdown } from './markdown.ts'
import { useValue } from './observable.ts'
import { stateWords } from './thread.ts'
import type { UnsentEntry } from './unsent/outbox.ts'
import { clockWords } from './when.ts'

/** One stored message. Rendered again only when it has changed. */
export const ItemView = memo(function ItemView({
  item,
  conversation,
  holding = false,
  place = null,
  onCancel,
}: {
  item: MessageItem
  conversation: string
  /** Something keeps messages from being answered. */
  holding?: boolean
  /** Its place in the line behind the running answer; null = it is in no line. */
  place?: number | null
  /** Withdraws it, while it is in the line. */
  onCancel?: () => void
}) {
  if (item.role === 'notice')
    return (
      <p class="notice" data-id={item.id}>
        {item.text}
      </p>
    )
  if (item.role === 'assistant')
    return (
      <article class="answer" data-id={item.id} aria-label="Answer">
        <Markdown text={item.text} />
        <When at={item.at} />
      </article>
    )
  const words = stateWords(item.state, holding)
  const kind = /^\/[a-z]+\b/.test(item.text) && item.state === 'answered' ? 'command' : item.state
  return (
    <article class={`mine ${kind}`} data-id={item.id} data-state={item.state} aria-label="Your message">
      <Attachments list={item.attachments ?? []} conversation={conversation} />
      {item.text !== '' && <p class="words">{item.text}</p>}
      {place !== null ? (
        <p class="state">
          {place === 1 ? 'Next in line' : `${ordinal(place)} in line`}{' '}
          <button type="button" class="link" onClick={onCancel}>
            Cancel
          </button>
        </p>
      ) : words ? (
        <p class="state">{words}</p>
      ) : (
        <When at={item.at} />
      )}
    </article>
  )
})

/** `2nd`, `3rd`, `11th`. */
function ordinal(place: number): string {
  return `${place}${ORDINALS[new Intl.PluralRules('en', { type: 'ordinal' }).select(place)] ?? 'th'}`
}

const ORDINALS: Partial<Record<Intl.LDMLPluralRule, string>> = { one: 'st', two: 'nd', few: 'rd' }

/** Why a message is in this tab alone. A pasted sign-in code is not worth keeping. */
const NOT_KEPT = {
  storing: '',
  secret: '',
  full: "This browser's storage is full: leave this page open until it is sent.",
  forbidden: "This browser doesn't let the page store anything: leave this page open until it is sent.",
} as const

/** A message of this browser that the gateway has not confirmed yet. */
export function UnsentView({ entry, state }: { entry: UnsentEntry; state: ChatState }) {
  const connected = useValue(state.connection) === 'open'
  const { outbox } = state
  const kind = entry.refusal !== null ? 'failed' : entry.sending ? 'sending' : 'waiting'
  return (
    <article class={`mine pending ${kind}`} aria-label="Your message">
      {entry.files.length > 0 && (
        <p class="files">
          {entry.files.map((file, index) => (
            <span key={`${index} ${file.name}`} class="file">
              <Page /> {file.name}
            </span>
          ))}
        </p>
      )}
      {entry.text !== '' && <p class="words">{entry.text}</p>}
      {kind === 'sending' && <p class="state">Sending…</p>}
      {kind === 'failed' && (
        <p class="state" role="alert">
          {entry.refusal}{' '}
          <button type="button" class="link" onClick={() => void outbox.retry(entry)}>
            Try again
          </button>{' '}
          <button type="button" class="link" onClick={() => void outbox.forget([entry.messageId])}>
            Discard
          </button>
        </p>
      )}
      {kind === 'waiting' && (
        <p class="state">
          Not sent yet. {connected ? 'Trying again automatically.' : "Will send when you're back online."}{' '}
          {entry.notKept !== null && NOT_KEPT[entry.notKept]}{' '}
          <button type="button" class="link" onClick={() => void outbox.forget([entry.messageId])}>
            Cancel
          </button>
        </p>
      )}
    </article>
  )
}

/** The answer that is being written. Screen readers announce the finished one instead. */
export function DraftView({ text }: { text: string }) {
  return (
    <article class="answer draft" aria-hidden="true">
      <Markdown text={text} />
    </article>
  )
}

export function Thinking() {
  return (
    <p class="thinking">
      <span aria-hidden="true" class="wave">
        <i />
        <i />
        <i />
      </span>
      <span class="off-screen" role="status">
        Writing an answer.
      </span>
    </p>
  )
}

function Markdown({ text }: { text: string }) {
  const element = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => showMarkdown(element.current!, text), [text])
  return <div class="prose" ref={element} dir="auto" />
}

function When({ at }: { at: string }) {
  return (
    <time class="when" dateTime={at}>
      {clockWords(at, Date.now())}
    </time>
  )
}

function Attachments({ list, conversation }: { list: readonly AttachmentInfo[]; conversation: string }) {
  if (list.length === 0) return null
  return (
    <p class="files">
      {list.map((file) => {
        const address = attachmentAddress(conversation, file.id)
        return file.mediaType.startsWith('image/') ? (
          <a key={file.id} href={address} target="_blank" rel="noopener">
            <img src={address} alt={file.name} loading="lazy" />
          </a>
        ) : (
          <a key={file.id} class="file" href={address} download={file.name}>
            <Page /> {file.name}
          </a>
        )
      })}
    </p>
  )
}
