import { expect, test } from 'vitest'
import { DiscordClient } from '../../src/channels/discord/api/client.ts'
import { MatrixClient } from '../../src/channels/matrix/api/client.ts'
import { SlackClient } from '../../src/channels/slack/api/client.ts'
import { TelegramClient } from '../../src/channels/telegram/api/client.ts'
import { systemClock } from '../../src/support/clock.ts'
import { Secret } from '../../src/support/secret.ts'
import { silent } from '../support/message-fixture.ts'

const CHUNK = new Uint8Array(256 * 1024).fill(0x20)
/** Above the largest limit, which is that of Matrix. */
const MUCH = 72 * 1024 * 1024

const token = new Secret('7:TEST-token')
const apiRoot = 'http://127.0.0.1:1'
const { signal } = new AbortController()

/** A server whose answers never end, and what was taken of them. */
function endless(status: number) {
  const state = { sent: 0, cancelled: false }
  const answer: typeof fetch = async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        state.sent += CHUNK.byteLength
        controller.enqueue(CHUNK)
      },
      cancel() {
        state.cancelled = true
      },
    })
    return new Response(body, { status, headers: { 'content-type': 'application/json' } })
  }
  return { state, fetch: answer }
}

const CALLS: ReadonlyArray<readonly [string, (answer: typeof fetch) => Promise<unknown>]> = [
  [
    'Telegram',
    (fetch) =>
      new TelegramClient({ token, apiRoot, fetch }).getUpdates(
        { offset: null, waitSeconds: 0, allowed: null },
        signal,
      ),
  ],
  ['Matrix', (fetch) => new MatrixClient({ token, apiRoot, fetch }).sync('s1', 0, 'events', signal)],
  ['Slack', (fetch) => new SlackClient({ token, apiRoot, fetch, log: silent }).openConnection(signal)],
  ['Discord', (fetch) => new DiscordClient({ token, apiRoot, fetch, clock: systemClock }).gatewayBot(signal)],
]

test.each(
  CALLS.flatMap(([name, call]) => [200, 401, 429, 500].map((status) => [name, status, call] as const)),
)(
  '%s: an answer without an end, with status %i, is left and its connection closed',
  async (name, status, call) => {
    const { state, fetch } = endless(status)
    await expect(call(fetch)).rejects.toThrow(name)
    expect(state.sent).toBeLessThan(MUCH)
    expect(state.cancelled).toBe(true)
  },
)
