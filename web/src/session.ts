import type { ConversationEntry } from '../../src/http/wire.ts'
import { ApiError, listConversations, openSession } from './api.ts'

/** May this browser talk to the gateway? */
export type Session =
  | { readonly kind: 'signed-in'; readonly conversations: readonly ConversationEntry[] }
  /** No cookie, and no ticket either. */
  | { readonly kind: 'no-ticket' }
  /** The address was used before, or is too old. */
  | { readonly kind: 'ticket-over' }
  | { readonly kind: 'unreachable' }

/**
 * Takes the ticket out of the address, before anything else can see it there, and
 * exchanges it; without a ticket the cookie of an earlier visit counts.
 */
export async function enter(): Promise<Session> {
  const ticket = /^#ticket=([\w-]+)$/.exec(location.hash)?.[1]
  if (ticket !== undefined) history.replaceState(null, '', location.pathname)
  try {
    const redeemed = ticket === undefined ? null : await redeem(ticket)
    const conversations = await listConversations().catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) return null
      throw error
    })
    if (conversations) return { kind: 'signed-in', conversations }
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
