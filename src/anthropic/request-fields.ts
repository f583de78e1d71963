import type { ModelRequest } from '../conversation/model.ts'

/** What an endpoint may refuse, by the names of the API. */
export type Field = keyof typeof WITHOUT_FIELD

/** What it means for the operator that one is refused. */
export const WITHOUT_FIELD = {
  diagnostics: 'it does not say why a prompt was not read from its cache',
  cache_control: 'nothing of its prompts is cached',
  block_binding: 'thinking that is bound to something else is an error',
  thinking: 'the model thinks as it does by default',
} as const

/** Those of a request, the one first without which an answer loses least. */
export function fieldsOf(request: ModelRequest): readonly Field[] {
  const { previousResponse, cache, thinking } = request
  return [
    ...(previousResponse === undefined ? [] : (['diagnostics'] as const)),
    ...(cache ? (['cache_control'] as const) : []),
    ...(mayDrop(request) ? (['block_binding'] as const) : []),
    ...(thinking === undefined ? [] : (['thinking'] as const)),
  ]
}

/** The same request with these of its fields alone. */
export function withFields(request: ModelRequest, fields: ReadonlySet<Field>): ModelRequest {
  const { previousResponse, cache = null, thinking, ...rest } = request
  return {
    ...rest,
    cache: fields.has('cache_control') ? cache : null,
    ...(fields.has('diagnostics') ? { previousResponse: previousResponse ?? null } : {}),
    ...(fields.has('thinking') && thinking !== undefined ? { thinking } : {}),
  }
}

/** Only thinking that is sent can be bound to something else. */
function mayDrop({ thinking, messages }: ModelRequest): boolean {
  return thinking === 'auto' && messages.some(({ blocks }) => blocks !== undefined && THINKING.test(blocks))
}

/** A kind of block in JSON; a text that quotes it has its quotation marks escaped. */
const THINKING = /"type":"(?:redacted_)?thinking"/
