import type { Transporter } from 'nodemailer'
import { isLoopbackHost } from '../../support/loopback.ts'
import type { Secret } from '../../support/secret.ts'
import type { AlertRoute } from '../alert.ts'

export interface EmailOptions {
  readonly to: string
  readonly from: string
  /** `smtps://user:password@host:465`, or `smtp://…:587` with STARTTLS. */
  readonly smtp: Secret
}

/** Mail through an SMTP server. A connection is opened for each alert: they are rare. */
export function emailRoute(options: EmailOptions): AlertRoute {
  return {
    name: `email:${options.to}`,
    async check(signal) {
      const transport = await connect(options)
      try {
        await until(signal, transport.verify())
        return null
      } catch (error) {
        return `the mail server rejected the login (${codeOf(error)})`
      } finally {
        transport.close()
      }
    },
    async send(alert, signal) {
      const transport = await connect(options)
      try {
        await until(
          signal,
          transport.sendMail({
            from: options.from,
            to: options.to,
            subject: `Hermes Gateway: ${alert.text.split('\n', 1)[0]}`,
            text: alert.text,
            // A retried alert is the same mail.
            messageId: `<${alert.id}@hermes-gateway>`,
            date: new Date(alert.at),
            headers: { 'Auto-Submitted': 'auto-generated' },
          }),
        )
      } catch (error) {
        throw new Error(`the mail server refused (${codeOf(error)})`, { cause: error })
      } finally {
        transport.close()
      }
    },
  }
}

async function connect({ smtp }: EmailOptions): Promise<Transporter> {
  // Loaded when it is needed: few gateways alert by mail.
  const { createTransport } = await import('nodemailer')
  const url = new URL(smtp.reveal())
  const secure = url.protocol === 'smtps:'
  return createTransport({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    // A password must not cross the network in the clear.
    requireTLS: !secure && !isLoopbackHost(url.hostname),
    ...(url.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
  })
}

function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}

/** Only the code: an SMTP server's text may repeat what we sent. */
function codeOf(error: unknown): string {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown }
  return [code, responseCode].filter((part) => part !== undefined).join(' ') || 'no answer in time'
}
