import type { Outage } from '../../../inbox/arrival.ts'
import type { Inbox } from '../../../inbox/inbox.ts'
import { remember } from '../../../support/remember.ts'
import type { Queryable } from '../connection/database.ts'

/** The id of the current outage, the same for all processes. */
const OUTAGE_FACT = 'fleet.outage'
/** Outages of this process whose shared id is cached. */
const REMEMBERED = 100

/**
 * Each process detects an outage independently and gives it its own id. People are notified once per
 * outage, so the first of these ids becomes the outage's id for all processes.
 */
export class OutageIds {
  readonly #database: Queryable
  readonly #known = new Map<string, Promise<string>>()

  constructor(database: Queryable) {
    this.#database = database
  }

  /** @throws StoreError */
  of(ownId: string): Promise<string> {
    let common = this.#known.get(ownId)
    if (!common) {
      common = this.#claim(ownId)
      remember(this.#known, ownId, common, REMEMBERED)
      common.catch(() => this.#known.delete(ownId))
    }
    return common
  }

  /** The outage has ended: the next one gets a new id. */
  async over(): Promise<void> {
    await this.#database.query('DELETE FROM hermes.facts WHERE key = $1', [OUTAGE_FACT])
  }

  /** `inbox` with one shared id for each outage. */
  unite(inbox: Inbox): Inbox {
    return {
      ...inbox,
      accept: async (request) =>
        inbox.accept({ ...request, outage: request.outage && (await this.#common(request.outage)) }),
      hold: async (request) => inbox.hold({ ...request, outage: await this.#common(request.outage) }),
      finish: async (lease, outcome, now) =>
        inbox.finish(
          lease,
          // What is held until a moment is no outage.
          outcome.kind === 'held' && outcome.until === undefined
            ? { ...outcome, outage: await this.#common(outcome.outage) }
            : outcome,
          now,
        ),
    }
  }

  /** Without a notice the shared id is not needed. */
  async #common(outage: Outage): Promise<Outage> {
    return outage.notice === null ? outage : { ...outage, id: await this.of(outage.id) }
  }

  async #claim(ownId: string): Promise<string> {
    const [row] = await this.#database.query<{ value: string }>(
      `INSERT INTO hermes.facts AS known (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = known.value RETURNING value`,
      [OUTAGE_FACT, ownId],
    )
    return row!.value
  }
}
