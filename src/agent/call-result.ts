import type { StoredCall } from '../inbox/step.ts'
import { messageOf } from '../support/errors.ts'
import { jsonMember } from '../support/text/json-parts.ts'
import { redact } from '../support/text/redact.ts'
import { cutContent } from './cut-content.ts'
import type { CallEnd } from './run-call.ts'

/** In a stored result, beside what the model reads. */
const UNKNOWN = '"unknown"'
/** Enough to know the cause by. */
const MAX_MESSAGE = 300

const TOOK_TOO_LONG = 'It took too long and was ended.'
const CHECK_FIRST = 'Its outcome is unknown: check before repeating it.'

/** A stored result: what is said in place of an answer of the tool. */
export function errorResult(sentence: string): string {
  return `{"content":${JSON.stringify(sentence)},"is_error":true}`
}

/** The same of an effect that may have been done. */
export function unknownResult(sentence: string): string {
  return `{"content":${JSON.stringify(sentence)},"is_error":true,"outcome":${UNKNOWN}}`
}

export function isUnknown(result: string): boolean {
  return jsonMember(result, 'outcome') === UNKNOWN
}

/** The block of a stored result, as JSON text. */
export function resultBlock(callId: string, result: string): string {
  const content = jsonMember(result, 'content')!
  const error = jsonMember(result, 'is_error') === 'true' ? ',"is_error":true' : ''
  return `{"type":"tool_result","tool_use_id":${JSON.stringify(callId)},"content":${content}${error}}`
}

/**
 * What is stored of a call that has run. Pure.
 *
 * @param cause why running calls were ended; null: they were not
 * @returns null = nothing: the process that continues the turn decides
 */
export function resultOf(
  call: Pick<StoredCall, 'class'>,
  end: CallEnd,
  cause: 'time' | 'interruption' | null,
  maxBytes: number,
): string | null {
  const isEffect = call.class === 'effect'
  if (end.kind === 'returned') {
    const { content, isError, isUnknown } = end.result
    // It was ended on purpose, and the sentence for that comes from who ended it.
    if (isUnknown && cause === 'interruption') return null
    const facts = `${isError ? ',"is_error":true' : ''}${isUnknown ? `,"outcome":${UNKNOWN}` : ''}`
    return `{"content":${cutContent(content, maxBytes)}${facts}}`
  }
  if (end.kind === 'not-begun' || cause === 'interruption') return null
  const what =
    cause === 'time' || end.kind === 'left'
      ? TOOK_TOO_LONG
      : `It failed: ${redact(messageOf(end.error)).slice(0, MAX_MESSAGE)}`
  return isEffect ? unknownResult(`${what} ${CHECK_FIRST}`) : errorResult(what)
}
