import type { Inbox } from '../../../src/inbox/inbox.ts'
import { isLease, type Lease } from '../../../src/inbox/lease.ts'

/** What an answer consists of. */
export type Shape = 'plain' | 'thought' | 'called'

/** Answers with blocks, each under its text, and what of the history is taken back. */
export class KeptAnswers {
  /** As a request has them. */
  readonly #messages = new Map<string, readonly string[]>()
  /** By the id of a message that was taken back: its chat, and the place of its answer. */
  readonly #gone = new Map<string, { readonly address: string; readonly seq: number }>()
  readonly #toTake = new Map<string, number>()

  /** @returns the text of a new answer */
  next(kind: Shape): string {
    const no = this.#messages.size
    const text = `answer ${no} ${'words '.repeat(80)}`.trim()
    const thinking = `{"type":"thinking","thinking":"","signature":"signature ${no}"}`
    const call = `{"type":"tool_use","id":"call-${no}","name":"look","input":{"b":[],"10":1.50,"9":"\\u0000"}}`
    const result = `{"type":"tool_result","tool_use_id":"call-${no}","content":"found"}`
    const said = JSON.stringify({ type: 'text', text })
    const last = `{"role":"assistant","content":[${kind === 'plain' ? said : `${thinking},${said}`}]}`
    const steps = [
      `{"role":"assistant","content":[${thinking},${call}]}`,
      `{"role":"user","content":[${result}]}`,
    ]
    this.#messages.set(text, kind === 'called' ? [...steps, last] : [last])
    return text
  }

  bytesOf(text: string): readonly string[] {
    return this.#messages.get(text)!
  }

  /** From the next turn on. */
  takeBack(chat: string, exchanges: number): void {
    this.#toTake.set(chat, (this.#toTake.get(chat) ?? 0) + exchanges)
  }

  /** The same store, in which answers have their blocks, and what was taken back is out of the history. */
  wrap(inbox: Inbox): Inbox {
    const { acceptAndBegin } = inbox
    return {
      ...inbox,
      lease: async (request) => {
        const found = await inbox.lease(request)
        return isLease(found) ? this.#seen(found) : found
      },
      ...(acceptAndBegin && {
        acceptAndBegin: async (request, terms) => {
          const { accepted, lease } = await acceptAndBegin(request, terms)
          return { accepted, lease: this.#seen(lease) }
        },
      }),
      // The store still has what was taken back.
      saveCompaction: (compaction) => {
        const { conversationId, after, upTo, messages } = compaction
        const hidden = [...this.#gone.values()].filter(
          ({ address, seq }) => conversationId === `chat:${address}` && seq > after && seq <= upTo,
        )
        return inbox.saveCompaction({ ...compaction, messages: messages + hidden.length })
      },
      finish: async (lease, outcome, now) => {
        const messages = outcome.kind === 'answered' ? this.#messages.get(outcome.text)! : []
        const blocks = messages.some((message) => message.includes('"signature"'))
          ? `[${messages.join()}]`
          : null
        return inbox.finish(lease, outcome.kind === 'answered' ? { ...outcome, blocks } : outcome, now)
      },
    }
  }

  #seen(lease: Lease | null): Lease | null {
    if (!lease) return null
    const { address } = lease.conversation
    let history = lease.history.filter(({ id }) => !this.#gone.has(id))
    for (let left = this.#toTake.get(address) ?? 0; left > 0; left--) {
      const from = history.slice(0, -1).findLastIndex(({ role }) => role === 'assistant') + 1
      const { seq = 0 } = history.at(-1) ?? {}
      for (const { id } of history.slice(from)) this.#gone.set(id, { address, seq })
      history = history.slice(0, from)
    }
    this.#toTake.delete(address)
    return { ...lease, history }
  }
}
