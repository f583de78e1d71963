import type { AlertRoute } from '../alert.ts'

/** What a chat route needs of a channel: sending, also while its receiving side is down. */
export interface ChatSender {
  send(
    address: string,
    text: string,
    options: { readonly replyTo: null; readonly key: string; readonly signal: AbortSignal },
  ): Promise<unknown>
}

/** A chat of the operator on one of the platforms. */
export function chatRoute(channel: string, address: string, sender: ChatSender): AlertRoute {
  return {
    name: `${channel}:${address}`,
    // Only sending shows whether a chat can be written to; the channel's status reports a bad token.
    check: () => Promise.resolve(null),
    async send(alert, signal) {
      await sender.send(address, alert.text, { replyTo: null, key: alert.id, signal })
    },
  }
}
