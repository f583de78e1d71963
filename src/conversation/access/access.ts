import type { Chat, Person } from '../receiver.ts'

/** Who may talk on one channel. Ids are the platform's numeric or otherwise stable ones, never names. */
export interface ChannelAccess {
  readonly allowAll: boolean
  readonly allowedUsers: ReadonlySet<string>
  /** Roles whose members may talk, by the platform's ids. */
  readonly allowedGroups: ReadonlySet<string>
  /** Groups in which everybody may talk. */
  readonly allowedChats: ReadonlySet<string>
  /** In groups the bot answers only where it was mentioned, replied to or commanded. */
  readonly requireMention: boolean
  /** The channel lets nobody in whom it has not checked itself, such as a page behind a token. */
  readonly trusted: boolean
}

export interface AccessPolicy {
  /** `<channel>:<id>` of those who may give operator commands. They may talk, too. */
  readonly operators: ReadonlySet<string>
  readonly channels: ReadonlyMap<string, ChannelAccess>
}

export type Access =
  | { readonly kind: 'granted'; readonly role: 'user' | 'operator' }
  /** Not meant for the bot, or from nobody it knows in a group: as if it had not been seen. */
  | { readonly kind: 'ignored' }
  /** Unknown, in a private chat: may ask to be let in. */
  | { readonly kind: 'stranger' }

/** A channel that nobody configured lets nobody in. */
const DENY: ChannelAccess = {
  allowAll: false,
  allowedUsers: new Set(),
  allowedGroups: new Set(),
  allowedChats: new Set(),
  requireMention: true,
  trusted: false,
}

/**
 * May this person talk here? Denies by default. Pure.
 *
 * @param approved whether the operator has let the person in by a pairing code
 */
export function decideAccess(
  policy: AccessPolicy,
  channel: string,
  person: Person,
  chat: Chat,
  approved: boolean,
): Access {
  const rules = policy.channels.get(channel) ?? DENY
  const operator = policy.operators.has(`${channel}:${person.id}`)
  if (chat.kind === 'group' && rules.requireMention && !chat.addressed) return { kind: 'ignored' }
  const known =
    operator ||
    rules.trusted ||
    rules.allowAll ||
    approved ||
    rules.allowedUsers.has(person.id) ||
    (person.groups?.some((group) => rules.allowedGroups.has(group)) ?? false) ||
    (chat.kind === 'group' && rules.allowedChats.has(chat.id))
  if (known) return { kind: 'granted', role: operator ? 'operator' : 'user' }
  return chat.kind === 'private' ? { kind: 'stranger' } : { kind: 'ignored' }
}

/** Is a look into the pairings needed to decide? Spares the store a question for each message of those who are known. */
export function needsPairing(policy: AccessPolicy, channel: string, person: Person, chat: Chat): boolean {
  const { kind } = decideAccess(policy, channel, person, chat, false)
  if (kind === 'granted') return false
  return decideAccess(policy, channel, person, chat, true).kind === 'granted'
}
