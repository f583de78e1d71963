import type { Trouble } from '../../kit/intake/intake-loop.ts'
import { SlackFailure } from './failure.ts'

export const REACTIONS_SCOPE = 'reactions:write'

/** The bot scopes that this channel needs, with what each is for. */
export const BOT_SCOPES: Readonly<Record<string, string>> = {
  'chat:write': 'to answer',
  'im:history': 'to read private chats',
  'im:read': 'to find private chats after a downtime',
  'app_mentions:read': 'to hear its name in channels',
  'channels:history': 'to read public channels that it is in',
  'channels:read': 'to find them after a downtime',
  'groups:history': 'to read private channels that it is in',
  'groups:read': 'to find them after a downtime',
  'mpim:history': 'to read group chats that it is in',
  'mpim:read': 'to find them after a downtime',
  'files:read': 'to look at pictures and files',
  [REACTIONS_SCOPE]: 'to mark messages as taken or held',
  commands: 'for /hermes',
}

/** Without these nobody can be answered at all. */
export const LEAST_SCOPES: readonly string[] = ['chat:write', 'im:history']

/** Whose token a call used. */
export type TokenOf = 'bot' | 'app'

/** What a failure means for the operator; null: the failure is not Slack's. */
export function troubleOf(error: unknown, token: TokenOf): Trouble | null {
  if (!(error instanceof SlackFailure)) return null
  if (error.method === 'socket' && error.code !== null) return troubleOfEnd(error.code)
  switch (error.kind) {
    case 'token':
      return { state: 'failed', problem: tokenProblem(error.code ?? '', token) }
    case 'scope':
      return { state: 'failed', problem: scopeProblem(error.needed, token) }
    case 'rate-limited':
      return { state: 'retrying', problem: 'Slack asks to connect more slowly' }
    default:
      return { state: 'retrying', problem: `Slack cannot be reached (${error.message})` }
  }
}

/** Why Slack ended a connection, as it says in its `disconnect`. */
export function troubleOfEnd(reason: string): Trouble {
  switch (reason) {
    case 'link_disabled':
      return {
        state: 'failed',
        problem:
          'Socket Mode is switched off for this Slack app; switch it on at api.slack.com/apps, "Socket Mode"',
      }
    case 'too_many_websockets':
      return {
        state: 'retrying',
        problem:
          'more than ten programs are connected with this app token; stop the others, or give each its own app',
      }
    default:
      return { state: 'retrying', problem: `Slack has ended the connection (${reason})` }
  }
}

/** What to do about a scope that Slack says is missing. @param needed null = Slack did not say which */
export function scopeProblem(needed: string | null, token: TokenOf): string {
  if (token === 'app') {
    return 'the app token lacks the scope connections:write (missing_scope); make a new one at api.slack.com/apps, "Basic Information", and set SLACK_APP_TOKEN'
  }
  const which = needed === null ? 'a scope' : `the scope ${needed}`
  return `the Slack app lacks ${which} (missing_scope); add it at api.slack.com/apps, "OAuth & Permissions", and install the app again`
}

function tokenProblem(code: string, token: TokenOf): string {
  const name = token === 'app' ? 'SLACK_APP_TOKEN' : 'SLACK_BOT_TOKEN'
  const shape =
    token === 'app'
      ? 'the app-level token (xapp-…) of "Basic Information"'
      : 'the bot user token (xoxb-…) of "OAuth & Permissions"'
  switch (code) {
    case 'account_inactive':
    case 'user_removed_from_team':
      return `the bot's account is not active any more (${code}); install the app in the workspace again and set ${name}`
    case 'team_disabled':
    case 'team_access_not_granted':
      return `the workspace is closed to the app (${code}); ask its owner`
    default:
      return `Slack does not take ${name} (${code}); set it to ${shape}`
  }
}
