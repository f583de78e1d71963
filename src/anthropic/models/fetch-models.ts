import type { Credential } from '../../credentials/credential.ts'
import { SECOND } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'
import { limitBody } from '../../support/limit-body.ts'
import { addressFor, credentialHeaders } from '../ladder.ts'
import { MAX_MODELS, readModelPage, type ModelPage } from './model-list.ts'

/** The most that the endpoint gives at once. */
const PAGE_SIZE = 1_000
/** An account with more pages than this does not exist; a server that pages forever might. */
const MAX_PAGES = 20
/** For the whole list. Nobody waits for it. */
const TIMEOUT_MS = 60 * SECOND
/** A model is about 2 kB. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024
/** @see https://docs.anthropic.com/en/api/versioning */
const API_VERSION = '2023-06-01'

export interface ModelListRequest {
  readonly baseUrl: string
  readonly userAgent: string
  /** Sent with every request, from the configuration. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The account's models as `GET /v1/models` lists them, all pages. Without the SDK: it takes a fifth of the
 * gateway's memory, and an idle gateway asks for this, too.
 *
 * @returns the items as they came
 * @throws TransientError where the provider gives no list
 */
export async function fetchModels(
  { baseUrl, userAgent, headers }: ModelListRequest,
  credential: Credential,
  stop: AbortSignal,
): Promise<readonly unknown[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)])
  const sent = { 'user-agent': userAgent, 'anthropic-version': API_VERSION, ...headers }
  const init: RequestInit = {
    headers: { ...sent, ...withoutNulls(credentialHeaders(credential)) },
    // A credential must not follow a redirect.
    redirect: 'manual',
    signal,
  }
  const items: unknown[] = []
  let after: string | null = null
  for (let page = 0; page < MAX_PAGES && items.length < MAX_MODELS; page++) {
    const url = new URL(`${addressFor(credential, baseUrl)}/v1/models`)
    url.searchParams.set('limit', String(PAGE_SIZE))
    if (after !== null) url.searchParams.set('after_id', after)
    const found = await fetchPage(url, init)
    items.push(...found.items)
    // One that names no new place would be asked for again and again.
    if (found.after === null || found.after === after) break
    after = found.after
  }
  return items
}

async function fetchPage(url: URL, init: RequestInit): Promise<ModelPage> {
  let body: unknown
  try {
    const response = limitBody(await fetch(url, init), { maxBytes: MAX_PAGE_BYTES })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new TransientError(`the provider answered ${response.status}`, null, 'provider')
    }
    body = await response.json()
  } catch (error) {
    if (error instanceof TransientError) throw error
    throw new TransientError('the provider could not be asked', null, 'network', { cause: error })
  }
  const page = readModelPage(body)
  if (page === null) throw new TransientError('the provider sent no list of models', null, 'provider')
  return page
}

function withoutNulls(headers: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  )
}
