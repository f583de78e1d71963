import { isObject, parseObject } from '../../support/files/private-file.ts'
import { Secret } from '../../support/secret.ts'
import type { Generation, StoredSignIn } from '../sign-in.ts'

/**
 * The shape of `credentials.json`. The document is kept as it was read, so that
 * fields of a later version, or of a person, survive every write.
 */
export type OwnDocument = Record<string, unknown>

/** Left in a document whose sign-ins were given away. */
export interface MoveMark {
  /** Names this move, so that what has arrived once is never taken a second time. */
  readonly id: string
  /** The sign-in that was active. */
  readonly active: string | null
  /** They have arrived, and no token is left here. */
  readonly done: boolean
}

/** A sign-in that a person gave to this gateway. */
export type OwnSignIn =
  | {
      readonly kind: 'oauth'
      readonly id: string
      readonly signedInAt: number
      readonly generation: Generation
    }
  | { readonly kind: 'api-key'; readonly id: string; readonly signedInAt: number; readonly key: Secret }

export type OwnContent =
  | OwnSignIn
  | Extract<StoredSignIn, { kind: 'absent' }>
  | Extract<StoredSignIn, { kind: 'unusable' }>

const OWN_FILE_VERSION = 1

/** Former sign-ins that are kept, inactive: enough to see what was in use, few enough to leave no hoard of tokens. */
export const MAX_FORMER = 3

/** Said where somebody would use what was given away. */
export const MOVED =
  'the sign-in was moved to a database and is used from there; sign in anew to use one here'

export function moveMark({ moved }: OwnDocument): MoveMark | null {
  return isObject(moved) ? (moved as unknown as MoveMark) : null
}

/** Parses the file's text. @returns the document, or why it must be left unchanged */
export function parseOwnFile(text: string): { document: OwnDocument } | { broken: string } {
  const parsed = parseObject(text)
  if (parsed.kind === 'broken') return { broken: parsed.message }
  const { version } = parsed.value
  if (version !== OWN_FILE_VERSION) {
    return { broken: `has the version ${JSON.stringify(version)}, which this program does not know` }
  }
  if (!Array.isArray(parsed.value['signIns']) || !parsed.value['signIns'].every(isObject)) {
    return { broken: 'has no list of sign-ins' }
  }
  return { document: parsed.value }
}

export function formatOwnFile(document: OwnDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`
}

export function emptyDocument(machineId: string): OwnDocument {
  return { version: OWN_FILE_VERSION, machine: machineId, active: null, signIns: [] }
}

/** The sign-in in use, judged for the machine that reads it. */
export function activeSignIn(document: OwnDocument, machineId: string): OwnContent {
  if (moveMark(document)) return { kind: 'unusable', reason: 'absent', message: MOVED }
  const record = activeRecord(document)
  if (!record) return { kind: 'absent' }
  const signIn = readRecord(record)
  if (signIn.kind === 'oauth' && document['machine'] !== machineId) {
    const message =
      'the sign-in was copied from another machine; two copies of one single-use token destroy each other'
    return { kind: 'unusable', reason: 'other-machine', message }
  }
  return signIn
}

/** What of it can be refreshed; an API key is no sign-in of that kind. */
export function oauthOnly(content: OwnContent): StoredSignIn {
  switch (content.kind) {
    case 'oauth':
      return { kind: 'present', generation: content.generation }
    case 'api-key':
      return { kind: 'absent' }
    default:
      return content
  }
}

/** All stored sign-ins that can be read, the active one first. */
export function allSignIns(document: OwnDocument): OwnSignIn[] {
  const active = activeRecord(document)
  const others = records(document).filter((record) => record !== active)
  return [...(active ? [active] : []), ...others]
    .map(readRecord)
    .filter((signIn) => signIn.kind !== 'unusable')
}

/** `document` with `signIn` as the active one and what was active before among the previous ones. */
export function withSignIn(document: OwnDocument, signIn: OwnSignIn, machineId: string): OwnDocument {
  const active = activeRecord(document)
  const former = records(document).filter((record) => record !== active)
  const kept = [...(active ? [active] : []), ...former].slice(0, MAX_FORMER)
  // A new sign-in is nobody else's: with it the place is in use again.
  const { moved: _, ...rest } = document
  return { ...rest, machine: machineId, active: signIn.id, signIns: [writeRecord({}, signIn), ...kept] }
}

/** `document` with the active sign-in's pair replaced by `next`; unknown fields are kept inside and outside it. */
export function withGeneration(document: OwnDocument, next: Generation): OwnDocument {
  const active = activeRecord(document)
  const signIns = records(document).map((record) =>
    record === active ? { ...record, ...generationFields(next, record) } : record,
  )
  return { ...document, signIns }
}

/** The stored sign-ins as they are written, unknown fields and all. */
export function records(document: OwnDocument): Record<string, unknown>[] {
  return document['signIns'] as Record<string, unknown>[]
}

function activeRecord(document: OwnDocument): Record<string, unknown> | undefined {
  const { active } = document
  if (typeof active !== 'string') return undefined
  return records(document).find((record) => record['id'] === active)
}

function writeRecord(record: Record<string, unknown>, signIn: OwnSignIn): Record<string, unknown> {
  const { id, kind, signedInAt } = signIn
  const fields = kind === 'oauth' ? generationFields(signIn.generation, {}) : { apiKey: signIn.key.reveal() }
  return { ...record, id, kind, signedInAt, ...fields }
}

function generationFields(generation: Generation, before: Record<string, unknown>): Record<string, unknown> {
  const account = isObject(before['account']) ? before['account'] : {}
  return {
    accessToken: generation.accessToken.reveal(),
    refreshToken: generation.refreshToken?.reveal() ?? null,
    expiresAt: generation.expiresAt,
    issuedAt: generation.issuedAt,
    loginExpiresAt: generation.loginExpiresAt,
    loginExpiryEstimated: generation.loginExpiryEstimated,
    scopes: [...generation.scopes],
    account: { ...account, id: generation.accountId, email: generation.accountEmail },
  }
}

function readRecord(
  record: Record<string, unknown>,
): OwnSignIn | Extract<StoredSignIn, { kind: 'unusable' }> {
  const id = String(record['id'])
  const signedInAt = timeOf(record['signedInAt']) ?? 0
  if (record['kind'] === 'api-key') {
    const key = tokenOf(record['apiKey'])
    return key ? { kind: 'api-key', id, signedInAt, key } : unusable('holds a blank API key')
  }
  if (record['kind'] !== 'oauth') return unusable('holds a kind of sign-in that this program does not know')
  const accessToken = tokenOf(record['accessToken'])
  if (!accessToken) return unusable('holds a blank token')
  const refreshToken = tokenOf(record['refreshToken'])
  if (!refreshToken && record['refreshToken'] !== null) return unusable('holds a blank refresh token')
  const expiresAt = timeOf(record['expiresAt'])
  if (expiresAt === null) return unusable('holds a sign-in without a valid time of expiry')
  const account = isObject(record['account']) ? record['account'] : {}
  const generation: Generation = {
    accessToken,
    refreshToken,
    expiresAt,
    issuedAt: timeOf(record['issuedAt']),
    loginExpiresAt: timeOf(record['loginExpiresAt']),
    loginExpiryEstimated: record['loginExpiryEstimated'] === true,
    scopes: textsOf(record['scopes']),
    accountId: textOf(account['id']),
    accountEmail: textOf(account['email']),
  }
  return { kind: 'oauth', id, signedInAt, generation }
}

function unusable(message: string): Extract<StoredSignIn, { kind: 'unusable' }> {
  return { kind: 'unusable', reason: 'store', message: `the sign-in file ${message}` }
}

/** A stored token that can be sent: one piece of visible characters. */
export function tokenOf(value: unknown): Secret | null {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? new Secret(value) : null
}

/** Epoch milliseconds as stored; 0 is how some programs write "signed out". */
export function timeOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
