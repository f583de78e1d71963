import type { TurnOutcome } from '../../inbox/lease.ts'
import { redact } from '../../support/text/redact.ts'
import type { MessageFields } from '../rows/message-row.ts'
import type { NewMessage, Sending } from '../rows/new-message.ts'

/** Which turn it was, and when it began and ended, in epoch milliseconds. */
export interface Moment {
  readonly turnId: string
  readonly leasedAt: number
  readonly now: number
}

type Answered = Extract<TurnOutcome, { kind: 'answered' }>

/** The answer as a message of the history. */
export function answerMessage(outcome: Answered, now: number): NewMessage {
  return {
    role: 'assistant',
    state: 'answered',
    text: outcome.text,
    preface: outcome.preface,
    at: now,
    inHistory: true,
    reason: outcome.reason ?? null,
  }
}

/** How the answer to `rows` is sent. */
export function answerSending(rows: readonly MessageFields[], now: number): Sending {
  const last = rows.at(-1)
  return {
    kind: 'answer',
    replyTo: last?.platform_id ?? null,
    draft: draftOf(rows),
    askedAt: last?.at ?? null,
    at: now,
  }
}

/** The characters that an answer and its messages add to the history. */
export function historyGrowth(rows: readonly MessageFields[], outcome: Answered): number {
  return rows.reduce((sum, row) => sum + row.text.length, outcome.text.length)
}

/** The platform id of the draft that shows the answer to these messages; null = none yet. */
export function draftOf(rows: readonly MessageFields[]): string | null {
  return rows.find((row) => row.draft !== null)?.draft ?? null
}

/** The last redaction before the database: a reason comes from an error, and errors quote texts. */
export function withCleanReason(outcome: TurnOutcome): TurnOutcome {
  const reason = 'reason' in outcome ? outcome.reason : undefined
  return reason === undefined ? outcome : ({ ...outcome, reason: redact(reason) } as TurnOutcome)
}
