import type { Chat, Person } from '../receiver.ts'

/** Who has access on one channel. Ids are the platform's numeric or otherwise stable ones, never names. */
export interface ChannelAccess {
  readonly allowAll: boolean
  readonly allowedUsers: ReadonlySet<string>
  /** Roles whose members have access, by the platform's ids. */
  readonly allowedGroups: ReadonlySet<string>
  /** Groups in which everybody has access. */
  readonly allowedChats: ReadonlySet<string>
  /** In groups the bot answers only where it was mentioned, replied to or commanded. */
  readonly requireMention: boolean
  /** The channel checks access itself, such as a page behind a token. */
  readonly trusted: boolean
}

export interface AccessPolicy {
  /** `<channel>:<id>` of those who may give operator commands. They have access, too. */
  readonly operators: ReadonlySet<string>
  readonly channels: ReadonlyMap<string, ChannelAccess>
}

export type Access =
  | { readonly kind: 'granted'; readonly role: 'user' | 'operator' }
  /** Not addressed to the bot, or from a stranger in a group: dropped. */
  | { readonly kind: 'ignored' }
  /** Unknown, in a private chat: may ask for access. */
  | { readonly kind: 'stranger' }

/** An unconfigured channel gives nobody access. */
const DENY: ChannelAccess = {
  allowAll: false,
  allowedUsers: new Set(),
  allowedGroups: new Set(),
  allowedChats: new Set(),
  requireMention: true,
  trusted: false,
}

/**
 * Does this person have access here? Denies by default. Pure.
 *
 * @param approved whether the operator has approved the person by a pairing code
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

/** Does the decision need the pairings? Avoids a store read for each message of known people. */
export function needsPairing(policy: AccessPolicy, channel: string, person: Person, chat: Chat): boolean {
  const { kind } = decideAccess(policy, channel, person, chat, false)
  if (kind === 'granted') return false
  return decideAccess(policy, channel, person, chat, true).kind === 'granted'
}
