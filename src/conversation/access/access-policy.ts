import type { ChannelSettings } from '../../config/channels.ts'
import type { Operator } from '../../config/config.ts'
import type { AccessPolicy, ChannelAccess } from './access.ts'

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
