import { hash } from 'node:crypto'

/** What a thinking block is tied to, each as a hash. */
export interface Binding {
  readonly model: string
  readonly organization: string
  readonly system: string
  readonly tools: string
  /** Every block before it that is not thinking. */
  readonly messages: string
  /** The signature of the thinking block before it; empty for the first one. */
  readonly previous: string
  /** Its own text. */
  readonly text: string
}

const VERSION = 'sandbox1'
const FIELDS = ['model', 'organization', 'system', 'tools', 'messages', 'previous', 'text'] as const

/** Enough that two conversations never have the same. */
const DIGITS = 16

export function digest(text: string): string {
  return hash('sha256', text).slice(0, DIGITS)
}

/** The signature of a thinking block: it can be checked without any state, also after a restart. */
export function sign(binding: Binding): string {
  const body = [VERSION, ...FIELDS.map((name) => binding[name])].join('.')
  return Buffer.from(`${body}.${digest(body)}`).toString('base64')
}

/** What a signature says; null: it is none of this sandbox, or was changed. */
export function readSignature(signature: unknown): Binding | null {
  if (typeof signature !== 'string') return null
  const parts = Buffer.from(signature, 'base64').toString('latin1').split('.')
  const check = parts.pop()
  if (parts.length !== FIELDS.length + 1 || parts[0] !== VERSION || digest(parts.join('.')) !== check)
    return null
  return Object.fromEntries(FIELDS.map((name, index) => [name, parts[index + 1]])) as unknown as Binding
}
