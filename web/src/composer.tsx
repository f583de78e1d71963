import { forwardRef } from 'preact/compat'
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ChatState } from './chat-state.ts'
import { Clip, Close, Page, Send, Stop } from './icons.tsx'
import { useUploads } from './use-uploads.ts'

/** The gateway's limit. */
const MAX_TEXT_BYTES = 64 * 1024

export interface ComposerHandle {
  focus(): void
}

interface Props {
  readonly state: ChatState
  readonly conversation: string
  /** An answer is being written: it can be stopped. */
  readonly busy: boolean
}

/** The input. Enter sends, Shift+Enter starts a new line. */
export const Composer = forwardRef<ComposerHandle, Props>(function Composer(
  { state, conversation, busy },
  ref,
) {
  const area = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const [text, setText] = useDraft(state, conversation)
  const [over, setOver] = useState(false)
  const uploads = useUploads(conversation, state.outbox.principal)
  const tooLong = text.length > MAX_TEXT_BYTES / 4 && new TextEncoder().encode(text).length > MAX_TEXT_BYTES
  const ready = (text.trim() !== '' || uploads.done.length > 0) && !uploads.busy && !tooLong

  useImperativeHandle(ref, () => ({ focus: () => area.current?.focus() }))

  useLayoutEffect(() => {
    const element = area.current!
    element.style.height = 'auto'
    element.style.height = `${element.scrollHeight}px`
  }, [text])

  useDrop(uploads.add, setOver)

  const send = (): void => {
    if (!ready) return
    setText('')
    void state.send(text, uploads.done)
    uploads.clear()
    area.current?.focus()
  }

  const onKeyDown = (event: KeyboardEvent): void => {
    // During IME composition, Enter confirms the word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    send()
  }

  const onPaste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length === 0) return
    event.preventDefault()
    uploads.add(files)
  }

  return (
    <footer class={over ? 'composer over' : 'composer'}>
      <form
        class="column"
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
      >
        {uploads.list.length > 0 && (
          <ul class="chips" aria-label="Attachments">
            {uploads.list.map((entry) => (
              <li key={entry.key} class={CHIP_CLASSES[entry.state]}>
                {entry.preview ? <img src={entry.preview} alt="" /> : <Page />}
                <span>
                  {entry.problem ? `${entry.name}: ${entry.problem}` : entry.name}
                  {entry.state === 'unreachable' && ' · not uploaded yet'}
                </span>
                <button
                  type="button"
                  class="quiet"
                  aria-label={`Remove ${entry.name}`}
                  onClick={() => uploads.remove(entry.key)}
                >
                  <Close />
                </button>
              </li>
            ))}
          </ul>
        )}
        {tooLong && (
          <p class="too-long" role="alert">
            This is longer than a message may be. Send it in parts, or attach it as a PDF.
          </p>
        )}
        <div class="field">
          <button
            type="button"
            class="quiet"
            aria-label="Attach pictures or a PDF"
            onClick={() => picker.current!.click()}
          >
            <Clip />
          </button>
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            accept="image/png,image/jpeg,image/gif,image/webp,application/pdf"
            onChange={(event) => {
              uploads.add([...(event.currentTarget.files ?? [])])
              event.currentTarget.value = ''
            }}
          />
          <textarea
            ref={area}
            rows={1}
            value={text}
            dir="auto"
            aria-label="Message"
            placeholder="Write a message"
            enterkeyhint="send"
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={onKeyDown}
            onPaste={onPaste}
          />
          {busy && (
            <button
              type="button"
              class="stop"
              aria-label="Stop the answer"
              title="Stop (Esc)"
              onClick={() => void state.stop()}
            >
              <Stop />
            </button>
          )}
          <button type="submit" class="send" aria-label="Send" disabled={!ready}>
            <Send />
          </button>
        </div>
      </form>
    </footer>
  )
})

const CHIP_CLASSES = {
  uploading: 'chip busy',
  uploaded: 'chip',
  unreachable: 'chip',
  refused: 'chip bad',
} as const

/** The text of each conversation's input, also after a reload. */
function useDraft(state: ChatState, conversation: string): [string, (text: string) => void] {
  const [shown, setShown] = useState({ conversation, text: state.drafts.get(conversation) })
  // Another conversation shows its own draft in the same render: a key pressed at once goes into the right one.
  const text = shown.conversation === conversation ? shown.text : state.drafts.get(conversation)
  const setText = (next: string): void => {
    state.drafts.set(conversation, next)
    setShown({ conversation, text: next })
  }
  return [text, setText]
}

/** Files dropped anywhere on the page are attached. */
function useDrop(onFiles: (files: readonly File[]) => void, onOver: (over: boolean) => void): void {
  const add = useRef(onFiles)
  add.current = onFiles
  useEffect(() => {
    const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false
    const onDrag = (event: DragEvent): void => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      onOver(true)
    }
    const onLeave = (event: DragEvent): void => {
      if (!event.relatedTarget) onOver(false)
    }
    const onDrop = (event: DragEvent): void => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      onOver(false)
      add.current([...(event.dataTransfer?.files ?? [])])
    }
    addEventListener('dragover', onDrag)
    addEventListener('dragleave', onLeave)
    addEventListener('drop', onDrop)
    return () => {
      removeEventListener('dragover', onDrag)
      removeEventListener('dragleave', onLeave)
      removeEventListener('drop', onDrop)
    }
  }, [onOver])
}
