import type { Texts } from '../config/texts.ts'
import type { Draft } from '../inbox/delivery/drafts.ts'
import type { ConversationEvents } from '../inbox/fleet/conversation-events.ts'
import { withPreface } from '../inbox/gate/gate.ts'
import type { Lease } from '../inbox/lease.ts'

/** A status is one line of a chat, also where many tools run at once. */
const MAX_STATUS = 100

export interface ShownAnswerOptions {
  readonly lease: Lease
  readonly draft: Draft
  readonly events: ConversationEvents
  readonly preface: string | null
  readonly texts: Texts
}

/**
 * What people see of an answer while it is written: in the draft of its chat, where a line says which tools run, and
 * on pages that watch the conversation.
 */
export class ShownAnswer {
  readonly #options: ShownAnswerOptions
  /** The text of the stored steps. */
  #before = ''
  /** The text of the response that is being written. */
  #current = ''
  #hadStatus = false

  constructor(options: ShownAnswerOptions) {
    this.#options = options
    const { events, lease } = options
    events.begin(lease.conversation.id, lease.turnId)
  }

  get text(): string {
    if (this.#before === '') return this.#current
    return this.#current === '' ? this.#before : `${this.#before}\n\n${this.#current}`
  }

  /** Of the response that is being written. */
  get current(): string {
    return this.#current
  }

  /** A response begins. @param before the text of all responses before it */
  begin(before: string): void {
    const isShown = before === this.text
    this.#before = before
    this.#current = ''
    if (!isShown) this.restart()
  }

  write(text: string): void {
    const { events, lease } = this.#options
    const isFirst = this.#current === '' && this.#before !== ''
    this.#current += text
    // Before the streams show it, for it may freeze the turn.
    this.#draw('')
    events.delta(lease.conversation.id, isFirst ? `\n\n${text}` : text)
  }

  /** All text of the response is void: it begins again. */
  restart(): void {
    const { events, lease } = this.#options
    this.#current = ''
    events.begin(lease.conversation.id, lease.turnId)
    if (this.#before !== '') events.delta(lease.conversation.id, this.#before)
    this.#draw('')
  }

  running(titles: readonly string[]): void {
    const status = [...new Set(titles)].join(', ')
    this.#hadStatus ||= status !== ''
    this.#draw(status === '' ? '' : `${status.slice(0, MAX_STATUS)}…`)
  }

  /** @param isStopped no answer replaces the draft */
  async close(isStopped: boolean): Promise<void> {
    const { draft, events, lease, preface, texts } = this.#options
    events.end(lease.conversation.id)
    if (!isStopped || !this.#hadStatus) return await draft.close()
    // Otherwise it would say forever that a tool runs.
    await draft.close(this.text === '' ? texts.stopped : withPreface(preface, this.text))
  }

  #draw(status: string): void {
    const { draft, preface } = this.#options
    const lines = [this.text, status].filter((line) => line !== '')
    if (lines.length > 0) draft.write(withPreface(preface, lines.join('\n\n')))
  }
}
