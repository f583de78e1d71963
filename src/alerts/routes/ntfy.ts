import type { Secret } from '../../support/secret.ts'
import type { AlertEvent, AlertRoute } from '../alert.ts'
import { checkReachable, post } from './http-post.ts'

/** ntfy's priorities go from 1 to 5; 4 makes a phone sound, 3 is the default. */
const PRIORITY: Partial<Record<AlertEvent, string>> = {
  'incident.opened': '5',
  'incident.reminder': '4',
  'signin.ending': '4',
  warning: '4',
}

/**
 * A push by ntfy. An access token is required: anybody can read and write an open
 * topic.
 *
 * @param token required by the configuration
 * @see https://docs.ntfy.sh/publish/
 */
export function ntfyRoute(options: { readonly url: Secret; readonly token: Secret }): AlertRoute {
  const { url, token } = options
  return {
    name: `ntfy:${new URL(url.reveal()).host}`,
    check: (signal) => checkReachable(url, signal),
    send: (alert, signal) =>
      post(
        url,
        alert.text,
        {
          authorization: `Bearer ${token.reveal()}`,
          'content-type': 'text/plain; charset=utf-8',
          title: 'Hermes Gateway',
          priority: PRIORITY[alert.event] ?? '3',
          tags: alert.event === 'incident.closed' ? 'white_check_mark' : 'warning',
        },
        signal,
      ),
  }
}
