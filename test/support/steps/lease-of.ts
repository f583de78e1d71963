import type { Lease } from '../../../src/inbox/lease.ts'
import type { Journal } from '../../../src/inbox/step.ts'

/** A turn of one message of one person. */
export function leaseOf(journal: Journal, generation: number, at: number): Lease {
  const message = {
    id: 'm',
    conversationId: 'chat:a',
    seq: 1,
    role: 'user' as const,
    text: 'do it',
    preface: null,
    blocks: null,
    state: 'answering' as const,
    reason: null,
    platformMessageId: null,
    personId: 'p',
    personName: null,
    attachments: [],
    about: null,
    at: at,
    answeredBy: null,
    revision: 1,
  }
  return {
    turnId: `turn-${generation}`,
    generation,
    conversation: { id: 'chat:a', channel: 'chat', address: 'a', model: null, effort: null },
    messages: [message],
    history: [],
    summary: null,
    failures: 0,
    draft: null,
    journal,
  }
}
