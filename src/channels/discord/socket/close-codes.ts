/**
 * What to do after a closed connection: resume the session, begin a new one, or wait for the operator.
 */
export type Verdict =
  | { readonly kind: 'resume' | 'renew' }
  /** `problem`: what the operator must do, in words. */
  | { readonly kind: 'failed'; readonly problem: string }

const BOT_PAGE = "the application's Bot page (https://discord.com/developers/applications)"
export const BAD_TOKEN = `Discord does not know this bot token; set DISCORD_BOT_TOKEN to a new one from ${BOT_PAGE}`

/** Only the operator ends these; asking again changes nothing. */
const FINAL: ReadonlyMap<number, string> = new Map([
  [4_004, BAD_TOKEN],
  [4_010, 'Discord refused the shard of this connection; this is a fault of this program'],
  [4_011, 'Discord requires sharding for a bot in so many servers, which this gateway does not do'],
  [4_012, 'Discord no longer speaks the version of its gateway that this program knows; update it'],
  [4_013, 'Discord does not know the intents that this program asks for; update it'],
  [4_014, `enable the Message Content Intent on ${BOT_PAGE}; it is tried again by itself`],
])
/** The session is over: bad sequence, timed out, or closed in good order. */
const OVER: ReadonlySet<number> = new Set([1_000, 1_001, 4_003, 4_007, 4_009])

/** @see https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes */
export function classifyClose(code: number): Verdict {
  const problem = FINAL.get(code)
  if (problem !== undefined) return { kind: 'failed', problem }
  return { kind: OVER.has(code) ? 'renew' : 'resume' }
}
