import type { ChannelSettings } from '../../config/channels.ts'
import type { Operator } from '../../config/config.ts'
import { MINUTE } from '../../support/clock.ts'
import { remember } from '../../support/remember.ts'
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

/** One refusal a minute; the rest of a flood is dropped silently. */
const REFUSAL_EVERY_MS = MINUTE
/** The burst allowed, in minutes' worth of messages. */
const BURST_MINUTES = 3
/** People remembered; the longest idle is dropped first, and has a full bucket again by then. */
const MAX_PERSONS = 10_000

interface Bucket {
  tokens: number
  filledAt: number
  refusedAt: number
}

export type RateVerdict = 'pass' | 'refuse' | 'refuse-silently'

/**
 * How many messages a person may send: a token bucket each, so that a burst passes and
 * a flood does not. Times are monotonic milliseconds.
 */
export class PersonRate {
  readonly #perMinute: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  get #capacity(): number {
    return this.#perMinute * BURST_MINUTES
  }

  consume(person: string, now: number): RateVerdict {
    const full = { tokens: this.#capacity, filledAt: now, refusedAt: -Infinity }
    const bucket = this.#buckets.get(person) ?? full
    remember(this.#buckets, person, bucket, MAX_PERSONS)
    const refill = ((now - bucket.filledAt) / MINUTE) * this.#perMinute
    bucket.tokens = Math.min(this.#capacity, bucket.tokens + refill)
    bucket.filledAt = now
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1
      return 'pass'
    }
    if (now - bucket.refusedAt < REFUSAL_EVERY_MS) return 'refuse-silently'
    bucket.refusedAt = now
    return 'refuse'
  }

  /** The message was not stored and will be delivered again. */
  refund(person: string): void {
    const bucket = this.#buckets.get(person)
    if (bucket) bucket.tokens = Math.min(this.#capacity, bucket.tokens + 1)
  }
}

/** Alerts only, no operator commands: mail passes through many servers. */
const NEVER_COMMANDING: ReadonlySet<string> = new Set(['email'])

/** The HTTP server has checked a token already. */
const BEHIND_A_TOKEN: ReadonlySet<string> = new Set(['web', 'openai'])

/** Access per channel, from the configuration. */
export function accessPolicyOf(channels: ChannelSettings, operators: readonly Operator[]): AccessPolicy {
  const rules = new Map<string, ChannelAccess>()
  for (const [name, settings] of Object.entries(channels) as Array<
    [string, Partial<ChannelSettings['telegram'] & ChannelSettings['discord']>]
  >) {
    rules.set(name, {
      allowAll: settings.allowAllUsers ?? false,
      allowedUsers: new Set(settings.allowedUsers),
      allowedGroups: new Set(settings.allowedRoles),
      allowedChats: new Set(settings.groupAllowedChats),
      requireMention: settings.requireMention ?? true,
      trusted: BEHIND_A_TOKEN.has(name),
    })
  }
  const commanding = operators.filter(({ channel }) => !NEVER_COMMANDING.has(channel))
  return { operators: new Set(commanding.map(({ channel, user }) => `${channel}:${user}`)), channels: rules }
}
