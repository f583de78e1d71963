import type { Receiver } from '../../../conversation/receiver.ts'
import { backoffDelay } from '../../../support/backoff.ts'
import { sleep, type Clock, MINUTE, SECOND } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import type { MatrixClient } from '../api/client.ts'
import { isClosed, MatrixFailure } from '../api/failure.ts'
import { Cursors } from '../sync/cursors.ts'

/** Joining asks other servers, which may be away for a while. */
const RETRY = { initialMs: 2 * SECOND, maxMs: 10 * MINUTE }
/** After that the room's own server is gone for good; the person can invite the bot again. */
const MOST_TRIES = 20

export interface InvitationOptions {
  readonly client: Pick<MatrixClient, 'join' | 'leave'>
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** May this person bring the bot into that room? */
  readonly isWelcome: (userId: string, roomId: string) => boolean
}

/**
 * Answers invitations while receiving continues: a server that takes its time to let the bot in holds up
 * nobody else. Each is stored before it is dealt with and its end is stored after, so that a restart
 * continues with what is open and touches nothing else.
 */
export class Invitations {
  readonly #options: InvitationOptions
  readonly #tries = new Map<string, number>()
  /** Monotonic: an invitation is not tried again before. */
  readonly #notBefore = new Map<string, number>()
  #wake: (() => void) | null = null
  #woken = false

  constructor(options: InvitationOptions) {
    this.#options = options
  }

  /** Something may have come. */
  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Runs until `signal` is aborted. Never rejects. */
  async run(receiver: Receiver, cursors: () => Cursors | null, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      this.#woken = false
      const known = cursors()
      for (const invitation of known?.openInvitations() ?? []) {
        if (signal.aborted) return
        if ((this.#notBefore.get(invitation.roomId) ?? -Infinity) > clock.monotonic()) continue
        await this.#answer(receiver, known!, invitation, signal)
      }
      await this.#rest(signal)
    }
  }

  async #answer(
    receiver: Receiver,
    cursors: Cursors,
    { roomId, by }: { readonly roomId: string; readonly by: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { client, log, isWelcome } = this.#options
    const welcome = isWelcome(by, roomId)
    try {
      if (welcome) await client.join(roomId, signal)
      else await client.leave(roomId, signal)
      const doing = welcome ? 'accepted' : 'declined, for that person is not on the list'
      log.info({ channel: 'matrix', room: roomId }, `an invitation by ${by} was ${doing}`)
      await this.#end(receiver, cursors, roomId, by, welcome)
    } catch (error) {
      if (signal.aborted) return
      // Closed: it was withdrawn, or has been answered before a crash.
      if (!isClosed(error) && this.#mayTryAgain(roomId, error)) return
      log.warn(
        { channel: 'matrix', room: roomId },
        `an invitation by ${by} came to nothing: ${messageOf(error)}`,
      )
      await this.#end(receiver, cursors, roomId, by, false).catch(() => this.#mayTryAgain(roomId, error))
    }
  }

  /** A newer invitation to the same room is handled on its own. */
  async #end(
    receiver: Receiver,
    cursors: Cursors,
    roomId: string,
    by: string,
    joined: boolean,
  ): Promise<void> {
    this.#tries.delete(roomId)
    this.#notBefore.delete(roomId)
    if (cursors.invitation(roomId)?.by !== by) return
    const ended = [Cursors.invitation(roomId, joined ? { state: 'joined', by } : null)]
    await receiver.receive('matrix', [], ended)
    cursors.apply(ended)
  }

  #mayTryAgain(roomId: string, error: unknown): boolean {
    const { clock, random } = this.#options
    const tries = (this.#tries.get(roomId) ?? 0) + 1
    this.#tries.set(roomId, tries)
    const asked = error instanceof MatrixFailure ? (error.retryAfterMs ?? 0) : 0
    const waitMs = Math.max(asked, backoffDelay(tries, RETRY, random()))
    this.#notBefore.set(roomId, clock.monotonic() + waitMs)
    return tries < MOST_TRIES
  }

  /** Until something comes, or the earliest invitation may be tried again. */
  async #rest(signal: AbortSignal): Promise<void> {
    if (this.#woken || signal.aborted) return
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    const next = Math.min(...this.#notBefore.values()) - this.#options.clock.monotonic()
    const waitMs = Number.isFinite(next) ? Math.max(SECOND, next) : LONGEST_REST_MS
    const stop = () => woken.abort()
    signal.addEventListener('abort', stop, { once: true })
    await sleep(this.#options.clock, waitMs, woken.signal).catch(() => {})
    signal.removeEventListener('abort', stop)
    this.#wake = null
  }
}

/** A look now and then costs nothing. */
const LONGEST_REST_MS = MINUTE
