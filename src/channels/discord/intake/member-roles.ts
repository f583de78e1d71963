import { MINUTE, type Clock } from '../../../support/clock.ts'
import { remember } from '../../../support/remember.ts'
import type { DiscordClient } from '../api/client.ts'

/** A role that was taken away holds this long for what comes out of the history; what comes live names its roles itself. */
const KEPT_MS = 5 * MINUTE
const KEPT_MEMBERS = 1_000

/** Roles of authors in the history, which does not name them: asked for once a person, not once a message. */
export class MemberRoles {
  readonly #client: DiscordClient
  readonly #clock: Clock
  readonly #known = new Map<string, { readonly roles: readonly string[]; readonly until: number }>()

  constructor(client: DiscordClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** @throws DiscordFailure */
  async of(guildId: string, userId: string, signal: AbortSignal): Promise<readonly string[]> {
    const key = `${guildId} ${userId}`
    const known = this.#known.get(key)
    if (known && known.until > this.#clock.monotonic()) return known.roles
    const roles = await this.#client.rolesOf(guildId, userId, signal)
    remember(this.#known, key, { roles, until: this.#clock.monotonic() + KEPT_MS }, KEPT_MEMBERS)
    return roles
  }
}
