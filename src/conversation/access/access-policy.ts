import type { ChannelSettings } from '../../config/channels.ts'
import type { Operator } from '../../config/config.ts'
import type { AccessPolicy, ChannelAccess } from './access.ts'

/** Where an operator is told, and commands nothing: a mail passes through many hands. */
const NEVER_COMMANDING: ReadonlySet<string> = new Set(['email'])

/** Whoever comes in here has shown a token: the door is the HTTP server's. */
const BEHIND_A_TOKEN: ReadonlySet<string> = new Set(['web', 'openai'])

/** Who may talk where, as the configuration says it. */
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
