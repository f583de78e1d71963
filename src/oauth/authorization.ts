import { createHash, timingSafeEqual } from 'node:crypto'
import { Secret } from '../support/secret.ts'
import { createPkce, createState } from './pkce.ts'
import type { OAuthSettings } from './token-request.ts'

/** A sign-in that has been started and waits for the person's paste. */
export interface Authorization {
  /** What the person opens. */
  readonly url: string
  readonly state: Secret
  readonly verifier: Secret
  readonly redirectUri: string
}

/**
 * Starts a sign-in: a fresh verifier and state, and the address to open.
 *
 * @param redirectUri a loopback address instead of the configured page
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1
 */
export async function beginAuthorization(
  settings: OAuthSettings,
  redirectUri: string = settings.redirectUri,
): Promise<Authorization> {
  const { verifier, challenge } = await createPkce()
  const state = createState()
  const url = new URL(settings.authorizeUrl)
  url.searchParams.set('response_type', 'code')
  url.searchParams.set('client_id', settings.clientId)
  url.searchParams.set('redirect_uri', redirectUri)
  url.searchParams.set('scope', settings.scopes.join(' '))
  url.searchParams.set('code_challenge', challenge)
  url.searchParams.set('code_challenge_method', 'S256')
  url.searchParams.set('state', state.reveal())
  return { url: url.href, state, verifier, redirectUri }
}

/** What a person pasted, checked. `message` is one plain sentence for them, without anything they pasted. */
export type Paste =
  | { readonly kind: 'code'; readonly code: Secret }
  | {
      readonly kind: 'refused'
      readonly problem: 'empty' | 'token' | 'no-state' | 'wrong-state' | 'denied' | 'unreadable'
      readonly message: string
    }

/**
 * Reads a paste (`code#state`, or the whole address the browser ended at) and
 * compares its state with the one of this sign-in, in constant time.
 */
export function readPaste(paste: string, expectedState: Secret): Paste {
  const text = paste.trim()
  if (text === '') return refuse('empty', 'Nothing was pasted. Paste the code that the page shows.')
  if (text.includes('sk-ant-')) {
    return refuse('token', 'That is a token, not a sign-in code. Paste the code that the page shows.')
  }
  if (/\s/.test(text))
    return refuse('unreadable', 'The code must be one piece without spaces. Copy it again.')
  const { code, state, error } = split(text)
  if (error) return refuse('denied', 'The sign-in was declined on the page. Start it again.')
  if (!code) return refuse('unreadable', 'There is no code in what was pasted. Copy it again from the page.')
  if (!state) {
    return refuse(
      'no-state',
      'Only half of the code was pasted. Copy all of it, including the # and what follows.',
    )
  }
  if (!equalInConstantTime(state, expectedState.reveal())) {
    return refuse(
      'wrong-state',
      'This code belongs to another sign-in. Open the newest address and paste its code.',
    )
  }
  return { kind: 'code', code: new Secret(code) }
}

function refuse(problem: Extract<Paste, { kind: 'refused' }>['problem'], message: string): Paste {
  return { kind: 'refused', problem, message }
}

function split(text: string): { code: string; state: string; error: boolean } {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) {
    const { searchParams, hash } = new URL(text)
    return {
      code: searchParams.get('code') ?? '',
      // Some pages put the state into the fragment, as in `code#state`.
      state: searchParams.get('state') ?? hash.slice(1),
      error: searchParams.has('error'),
    }
  }
  const [code = '', state = '', ...rest] = text.split('#')
  return { code, state: rest.length === 0 ? state : '', error: false }
}

/** Hashing first gives both sides one length, which `timingSafeEqual` requires; an attacker may know that length. */
function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
