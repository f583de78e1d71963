import type { ReactionOutcome } from '../../../inbox/delivery/send-channel.ts'
import { SECOND } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { PlatformFailure } from '../failure.ts'

/** A platform that does not say how long to wait. */
const DEFAULT_PAUSE_MS = 30 * SECOND

/**
 * One request for a reaction, and what became of it. Never throws.
 *
 * @param closedBy what a failure of the platform says about further reactions; `done`: nothing
 */
export async function attemptReaction<Failure extends PlatformFailure>(
  work: () => Promise<unknown>,
  closedBy: (failure: Failure) => 'done' | 'closed-chat' | 'closed',
  { log, channel }: { readonly log: Log; readonly channel: string },
): Promise<ReactionOutcome> {
  try {
    await work()
    return 'done'
  } catch (error) {
    log.debug({ channel }, `a reaction was not changed: ${messageOf(error)}`)
    if (!(error instanceof PlatformFailure)) return 'done'
    if (error.kind === 'rate-limited') return { retryAfterMs: error.retryAfterMs ?? DEFAULT_PAUSE_MS }
    return closedBy(error as Failure)
  }
}
