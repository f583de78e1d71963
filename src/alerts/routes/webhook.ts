import { createHmac } from 'node:crypto'
import { isoTime } from '../../support/clock.ts'
import type { Secret } from '../../support/secret.ts'
import type { Alert, AlertRoute } from '../alert.ts'
import { post, checkReachable } from './http-post.ts'

/** Marks a secret in the base64 notation of Standard Webhooks; without it the secret's own bytes are the key. */
const SECRET_PREFIX = 'whsec_'

/**
 * A JSON POST, signed after Standard Webhooks.
 *
 * @param secret null: sent unsigned
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function webhookRoute(options: { readonly url: Secret; readonly secret: Secret | null }): AlertRoute {
  const { url, secret } = options
  return {
    name: `webhook:${new URL(url.reveal()).host}`,
    check: (signal) => checkReachable(url, signal),
    async send(alert, signal) {
      const body = JSON.stringify(webhookBody(alert))
      const timestamp = String(Math.floor(alert.at / 1000))
      await post(
        url,
        body,
        {
          'content-type': 'application/json',
          'webhook-id': alert.id,
          'webhook-timestamp': timestamp,
          ...(secret ? { 'webhook-signature': sign(secret, alert.id, timestamp, body) } : {}),
        },
        signal,
      )
    },
  }
}

function webhookBody(alert: Alert): Record<string, unknown> {
  return {
    id: alert.id,
    event: alert.event,
    at: isoTime(alert.at),
    text: alert.text,
    ...(alert.incident
      ? {
          incident: {
            id: alert.incident.id,
            status: alert.incident.status,
            openedAt: isoTime(alert.incident.openedAt),
          },
        }
      : {}),
  }
}

/** `v1,<base64 of HMAC-SHA256 over id.timestamp.body>` */
export function sign(secret: Secret, id: string, timestamp: string, body: string): string {
  const value = secret.reveal()
  const key = value.startsWith(SECRET_PREFIX)
    ? Buffer.from(value.slice(SECRET_PREFIX.length), 'base64')
    : value
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}
