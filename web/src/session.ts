import type { ConversationEntry } from '../../src/http/wire.ts'
import { ApiError, listConversations, openSession, readPrincipal } from './api.ts'
import { openUnsent, type Unsent } from './unsent/open-unsent.ts'

/** Whether this browser has a session. */
export type Session =
  | {
      readonly kind: 'signed-in'
      readonly conversations: readonly ConversationEntry[]
      readonly unsent: Unsent
    }
  /** Neither a cookie nor a ticket. */
  | { readonly kind: 'no-ticket' }
  /** The link has been used, or has expired. */
  | { readonly kind: 'ticket-over' }
  | { readonly kind: 'unreachable' }

/**
 * Removes the ticket from the address, before anything else can read it there, and
 * exchanges it; without a ticket the cookie of an earlier visit is used.
 */
export async function enter(): Promise<Session> {
  const ticket = /^#ticket=([\w-]+)$/.exec(location.hash)?.[1]
  if (ticket !== undefined) history.replaceState(null, '', location.pathname)
  try {
    const redeemed = ticket === undefined ? null : await redeem(ticket)
    const known = await Promise.all([listConversations(), readPrincipal()]).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) return null
      throw error
    })
    if (known) {
      const [conversations, principal] = known
      return { kind: 'signed-in', conversations, unsent: await openUnsent(principal) }
    }
    return { kind: redeemed === false ? 'ticket-over' : 'no-ticket' }
  } catch {
    return { kind: 'unreachable' }
  }
}

async function redeem(ticket: string): Promise<boolean> {
  try {
    await openSession(ticket)
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false
    throw error
  }
}
