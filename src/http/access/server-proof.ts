import { createHmac } from 'node:crypto'
import type { Secret } from '../../support/secret.ts'

/** What a client may ask to be signed: random, and too short to carry anything else. */
export const NONCE = /^[A-Za-z0-9_-]{22,64}$/

/**
 * Proves to a client that knows the gateway's token that this server knows it, too, before the client
 * shows it. The port is a part of it, so that a program on another port cannot pass on a proof that it
 * was given here. Under a key of its own: it signs nothing that is used elsewhere.
 */
export function serverProof(gatewayToken: Secret, nonce: string, port: number): string {
  const key = createHmac('sha256', gatewayToken.reveal()).update('hermes server proof').digest()
  return createHmac('sha256', key).update(`${port}.${nonce}`).digest('base64url')
}
