import { memo } from 'preact/compat'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { AttachmentInfo, MessageItem } from '../../src/http/wire.ts'
import { attachmentAddress } from './api.ts'
import type { ChatState } from './chat-state.ts'
import { Page } from './icons.tsx'
import { showMarkdown } from './markdown.ts'
import { stateWords, type Pending } from './thread.ts'
import { clockWords } from './when.ts'

/** One stored message. Rendered again only when it has changed. */
export const ItemView = memo(function ItemView({
  item,
  conversation,
}: {
  item: MessageItem
  conversation: string
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
  const words = stateWords(item.state)
  const kind = /^\/[a-z]+\b/.test(item.text) && item.state === 'answered' ? 'command' : item.state
  return (
    <article class={`mine ${kind}`} data-id={item.id} data-state={item.state} aria-label="Your message">
      <Attachments list={item.attachments ?? []} conversation={conversation} />
      {item.text !== '' && <p class="words">{item.text}</p>}
      {words ? <p class="state">{words}</p> : <When at={item.at} />}
    </article>
  )
})

/** A message of this page that the gateway has not confirmed yet. */
export function PendingView({ entry, state }: { entry: Pending; state: ChatState }) {
  return (
    <article class={`mine pending ${entry.state}`} aria-label="Your message">
      {entry.attachments.length > 0 && (
        <p class="files">
          {entry.attachments.map((file) => (
            <span key={file.id} class="file">
              <Page /> {file.name}
            </span>
          ))}
        </p>
      )}
      {entry.text !== '' && <p class="words">{entry.text}</p>}
      {entry.state === 'failed' ? (
        <p class="state" role="alert">
          {entry.problem}{' '}
          <button type="button" class="link" onClick={() => void state.resend(entry)}>
            Try again
          </button>{' '}
          <button type="button" class="link" onClick={() => state.discard(entry)}>
            Discard
          </button>
        </p>
      ) : (
        <p class="state">{entry.state === 'waiting' ? "Will send when you're back online" : 'Sending…'}</p>
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
