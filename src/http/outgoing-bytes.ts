import { SECOND } from '../support/clock.ts'
import { HttpProblem, type RequestContext } from './answers.ts'
import { ByteBudget } from './byte-budget.ts'

/** All large answers together that are not sent yet: an attachment is up to 20 MB, and a reader may be slow. */
const MAX_OUTGOING_BYTES = 256 * 1024 * 1024
/** Of one token or browser: three of the largest. */
const MAX_OUTGOING_BYTES_EACH = MAX_OUTGOING_BYTES / 4
/** A reader that takes nothing for this long is dropped; what it was to get is for others. */
const STALL_MS = 60 * SECOND

const outgoing = new ByteBudget({ total: MAX_OUTGOING_BYTES, each: MAX_OUTGOING_BYTES_EACH })

/**
 * Counts `bytes` of the answer to this request until it is sent, or its reader is gone.
 *
 * @throws HttpProblem 503 where too much waits to be sent already
 */
export function holdOutgoing(c: RequestContext, bytes: number): void {
  const response = c.env?.outgoing
  if (!response || response.destroyed) return
  const client = c.get('client') ?? ''
  if (!outgoing.reserve(client, bytes))
    throw new HttpProblem(503, 'busy', 'Too much is being read at the moment. Please try again.', {
      'Retry-After': '5',
    })
  response.once('close', () => outgoing.release(client, bytes))
  response.setTimeout(STALL_MS, () => response.destroy())
}
