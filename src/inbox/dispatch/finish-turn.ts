import type { Texts } from '../../config/texts.ts'
import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { SECOND, sleep, type Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Drafts } from '../delivery/drafts.ts'
import type { StoreHealth } from '../gate/store-health.ts'
import type { Inbox } from '../inbox.ts'
import type { Lease, TurnOutcome } from '../lease.ts'

const STORE_BACKOFF: BackoffOptions = { initialMs: 250, maxMs: 4 * SECOND }

/** As the operator reads it: an answer was made, and is lost. */
const REFUSED_BY_STORE = 'the store refuses the answer'

export interface FinishTurnOptions {
  readonly inbox: Pick<Inbox, 'finish'>
  readonly drafts: Pick<Drafts, 'saveUnsaved'>
  readonly store: StoreHealth
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
  readonly random?: () => number
}

/** What was stored in the end. */
export interface Finished {
  readonly outcome: TurnOutcome
  /** Was the lease still the newest one, as far as anybody knows? */
  readonly stored: boolean
}

/**
 * Stores the outcome of a turn. A store that fails is asked again until it takes it: the answer stays
 * in memory until then, because asking the model a second time would be paid twice. A store that works
 * and refuses this outcome for good is given another: the message is parked, and nobody waits behind it.
 *
 * @param abandoned ends the waiting: the next process makes the answer again
 * @throws what the store threw when the process ends before it took it, or when it takes nothing of it
 */
export async function finishTurn(
  options: FinishTurnOptions,
  lease: Lease,
  outcome: TurnOutcome,
  abandoned: AbortSignal,
): Promise<Finished> {
  const { texts, log } = options
  try {
    return { outcome, stored: await storeOutcome(options, lease, outcome, abandoned) }
  } catch (error) {
    if (error instanceof StoreError) throw error
    log.error({ err: error, conversation: lease.conversation.id }, 'the store refuses an answer for good')
    const parked: TurnOutcome = { kind: 'parked', reason: REFUSED_BY_STORE, notice: texts.parked }
    return { outcome: parked, stored: await storeOutcome(options, lease, parked, abandoned) }
  }
}

/** @throws what the store threw when `abandoned`; what is not about the store as a whole, at once */
async function storeOutcome(
  { inbox, drafts, clock, store, log, random = Math.random }: FinishTurnOptions,
  lease: Lease,
  outcome: TurnOutcome,
  abandoned: AbortSignal,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      await drafts.saveUnsaved(lease)
      const stored = await inbox.finish(lease, outcome, clock.now())
      if (attempt > 1) store.removeUnstored()
      // A store that failed may have taken it all the same: what is to be sent is looked for.
      return stored || attempt > 1
    } catch (error) {
      if (!(error instanceof StoreError)) {
        if (attempt > 1) store.removeUnstored()
        throw error
      }
      store.failed(error)
      if (attempt === 1) {
        store.addUnstored()
        log.error({ err: error }, 'an answer waits in memory to be stored')
      }
      if (abandoned.aborted) throw error
      const delay = backoffDelay(attempt, STORE_BACKOFF, random())
      await sleep(clock, delay, abandoned).catch(() => {})
    }
  }
}
