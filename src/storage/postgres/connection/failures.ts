import {
  ConfigurationError,
  HermesError,
  messageOf,
  StoreError,
  RowRefused,
} from '../../../support/errors.ts'
import { redact } from '../../../support/text/redact.ts'

/** SQLSTATE codes that we act on. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CODE = {
  serialization: '40001',
  deadlock: '40P01',
  readOnly: '25006',
  full: '53100',
  noMemory: '53200',
  tooMany: '53300',
  timeout: '57014',
  lockTimeout: '55P03',
  noSuchDatabase: '3D000',
  noPermission: '42501',
  protocol: '08P01',
} as const

/** Put before PostgreSQL's own message, which describes its statement and not the gateway. */
const MEANING: Readonly<Record<string, string>> = {
  [CODE.readOnly]: 'the database is read-only',
  [CODE.full]: 'the disk of the database is full',
  [CODE.noMemory]: 'the database is out of memory',
  [CODE.tooMany]: 'the database takes no more connections',
  [CODE.timeout]: 'the database took too long',
  [CODE.lockTimeout]: 'the database took too long',
}

/** What an operator does whose network is safe already. */
export const WRITE_DISABLE = 'write sslmode=disable where nobody else is on the network'

/** Ours, for a server that asks for the password in a way that others could read. */
export const CLEAR_PASSWORD = 'HERMES_CLEAR_PASSWORD'

/** The database has a certificate that this machine does not trust. @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
/** The driver's words, which have no code. */
const WITHOUT_TLS = 'does not support SSL connections'

/** Classes of SQLSTATE that are about the values alone: data exception, constraint violation, program limit. */
const ABOUT_VALUES = /^(?:22|23|54)[0-9A-Z]{3}$/

/** What PostgreSQL answered, or why it did not. */
export class DatabaseError extends StoreError {
  /** SQLSTATE, or the system's code of a connection that failed (`ECONNREFUSED`); null = neither. */
  readonly code: string | null

  constructor(message: string, code: string | null) {
    super(message)
    this.code = code
  }

  override get noRoom(): boolean {
    return this.code === CODE.full
  }
}

/**
 * Converts any error of the driver into one of ours. The redacted text is kept, the error object is not:
 * the driver's errors carry the connection's settings.
 */
export function storeError(error: unknown): HermesError {
  if (error instanceof HermesError) return error
  const code = codeOf(error)
  const text = redact(errorText(error))
  if (code !== null && ABOUT_VALUES.test(code))
    return new RowRefused(`the database refuses it: ${text}`, code)
  const meaning = code === null ? undefined : MEANING[code]
  return new DatabaseError(meaning ? `${meaning} (${text})` : `the database cannot be used: ${text}`, code)
}

/**
 * As `storeError`, for the first connection: an error that no retry can fix is a configuration error.
 */
export function openingError(error: unknown): HermesError {
  const failure = storeError(error)
  if (!(failure instanceof DatabaseError)) return failure
  if (failure.message.includes(WITHOUT_TLS))
    return new ConfigurationError(
      `storage.url: the database offers no TLS. Turn it on there, or ${WRITE_DISABLE}.`,
    )
  const { code } = failure
  if (code === null) return failure
  if (code === CLEAR_PASSWORD) return new ConfigurationError(`storage.url: ${failure.message}.`)
  if (UNTRUSTED.has(code))
    return new ConfigurationError(
      `storage.url: ${failure.message}. Name its authority with sslrootcert=FILE, or ${WRITE_DISABLE}.`,
    )
  if (code.startsWith('28') || code === CODE.noSuchDatabase || code === CODE.noPermission)
    return new ConfigurationError(`storage.url: ${failure.message}`)
  // A pooler refuses unknown settings before any query can be sent.
  if (code === CODE.protocol && failure.message.includes('unsupported startup parameter'))
    return new ConfigurationError(`storage.url: a connection pooler refuses the gateway: ${failure.message}`)
  return failure
}

/** Nothing was changed, and an immediate retry may well work. */
export function mayBeRepeated(error: unknown): boolean {
  const code = codeOf(error)
  return code === CODE.serialization || code === CODE.deadlock
}

/**
 * Whether a transaction of several steps may have failed because of one of them: the others are worth trying. It
 * changed nothing.
 */
export function mayConcernOneStep(error: unknown): boolean {
  if (!(error instanceof HermesError) || error instanceof RowRefused) return true
  const code = codeOf(error)
  return code === CODE.timeout || code === CODE.lockTimeout
}

/** Whether rows stayed locked by others for longer than the transaction waits. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === CODE.lockTimeout
}

/** Whether the server answered. The connection is then still usable, unless the server says that it closes it. */
export function isAnswer(error: unknown): boolean {
  const code = codeOf(error)
  return code !== null && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('08') && !code.startsWith('57P')
}

function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

/** When all addresses of a host refuse, the error has no message and contains one error per address. */
function errorText(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return [...new Set(error.errors.map(messageOf))].join('; ')
  return messageOf(error)
}
