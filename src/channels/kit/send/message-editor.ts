import { SECOND, untilAborted, within } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { remember } from '../../../support/remember.ts'

/** Messages whose shown text is remembered, so that a draft that has not changed costs no request. */
const REMEMBERED_TEXTS = 500
/** The final text waits for a pending draft, so a draft must not take long. */
const DRAFT_TIMEOUT_MS = 5 * SECOND

const NEVER = new AbortController().signal

export interface Edit {
  /** False: a draft, which is left out where it would come too early; a later one shows more. */
  readonly final: boolean
  readonly signal: AbortSignal
  /** May a draft be shown now? Never waits. */
  readonly mayDraft: () => boolean
  /** Waits until a finished text may be sent. Left out: it always may. */
  readonly turn?: () => Promise<void>
  /** Asks the platform to show the text. Throws as `SendChannel.edit` does. */
  readonly show: (signal: AbortSignal) => Promise<void>
}

/**
 * Edits messages as drafts grow: nothing is asked for that a message shows already, and the finished
 * text is always the last request, for a platform may do two of them in either order.
 */
export class MessageEditor {
  /** The text a message shows. Missing: unknown. */
  readonly #shown = new Map<string, string>()
  /** Drafts on their way. */
  readonly #drafts = new Map<string, Promise<void>>()

  /** A message was sent and reads `text`. @param message a name for it that is unique in the channel */
  sent(message: string, text: string): void {
    remember(this.#shown, message, text, REMEMBERED_TEXTS)
  }

  /** Another process may have edited since. */
  clear(): void {
    this.#shown.clear()
  }

  /** @throws what `show` throws; the signal's reason as soon as it is aborted, while a draft that was begun continues */
  async edit(message: string, text: string, edit: Edit): Promise<void> {
    await this.#drafts.get(message)
    if (this.#shown.get(message) === text) return
    if (edit.final) {
      await edit.turn?.()
      return this.#show(message, text, () => edit.show(edit.signal))
    }
    if (!edit.mayDraft()) return
    const showing = this.#show(message, text, () => within(DRAFT_TIMEOUT_MS, NEVER, edit.show)).catch(inTime)
    const done = showing.then(ignore, ignore).finally(() => this.#drafts.delete(message))
    this.#drafts.set(message, done)
    await untilAborted(showing, edit.signal).catch((error: unknown) => {
      // A draft is optional: the pacing already waits as long as the platform asked.
      if (!(error instanceof TransientError) || error.reason !== 'rate-limited') throw error
    })
  }

  async #show(message: string, text: string, ask: () => Promise<void>): Promise<void> {
    // Until the platform answers, the shown text is unknown.
    this.#shown.delete(message)
    await ask()
    this.sent(message, text)
  }
}

/** The deadline of a draft counts as a network failure. */
function inTime(error: unknown): never {
  throw error instanceof Error && error.name === 'AbortError'
    ? new TransientError('no answer in time')
    : error
}

function ignore(): void {}
