import type { Block } from './content.ts'

/** One block of an answer, before it has an id or a signature. */
export type DraftPart =
  | { readonly kind: 'thinking'; readonly text: string }
  | { readonly kind: 'redacted' }
  | { readonly kind: 'text'; readonly text: string; readonly citations?: readonly unknown[] }
  | { readonly kind: 'call'; readonly name: string; readonly input: unknown }
  | { readonly kind: 'server-call'; readonly name: string; readonly input: unknown }
  /** What the service makes of the whole conversation. */
  | { readonly kind: 'compaction'; readonly block: Block }
  /** What a server tool found, as the service sends it. */
  | { readonly kind: 'server-result'; readonly block: Block }

/** What the simulated model answers. */
export interface Draft {
  readonly parts: readonly DraftPart[]
  /** null: as the plan says. */
  readonly stopReason: string | null
  /** The category of a refusal. */
  readonly category?: string
  /** The last call breaks off in the middle of its input. */
  readonly cut?: boolean
}

export function textDraft(text: string): Draft {
  return { parts: [{ kind: 'text', text }], stopReason: null }
}

export function callDraft(calls: ReadonlyArray<{ readonly name: string; readonly input: unknown }>): Draft {
  return { parts: calls.map((call) => ({ kind: 'call', ...call })), stopReason: 'tool_use' }
}
