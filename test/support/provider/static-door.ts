import type { Credential, CredentialDoor, Rejection } from '../../../src/credentials/credential.ts'
import { NeedsLogin } from '../../../src/support/errors.ts'
import { Secret } from '../../../src/support/secret.ts'

export function credentialOf(token: string, kind: Credential['kind'] = 'oauth'): Credential {
  const secret = new Secret(token)
  return {
    kind,
    source: 'environment',
    secret,
    fingerprint: secret.fingerprint,
    expiresAt: null,
    accountId: null,
  }
}

/** A door with a fixed list of credentials: each rejection hands out the next one. Records what it is told. */
export class StaticDoor implements CredentialDoor {
  readonly rejections: Array<{ fingerprint: string; rejection: Rejection }> = []
  accepts = 0
  readonly #credentials: Credential[]

  constructor(...credentials: Credential[]) {
    this.#credentials = credentials
  }

  acquire(): Credential {
    return this.#credentials[0]!
  }

  rejected(used: Credential, rejection: Rejection): Promise<Credential> {
    this.rejections.push({ fingerprint: used.fingerprint, rejection })
    if (this.#credentials[0] === used) this.#credentials.shift()
    const next = this.#credentials[0]
    return next ? Promise.resolve(next) : Promise.reject(new NeedsLogin('revoked', 'nothing else to present'))
  }

  accepted(): void {
    this.accepts++
  }
}
