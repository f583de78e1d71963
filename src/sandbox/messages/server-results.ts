import { resultOf } from './checks/server-calls.ts'
import type { Block } from './content.ts'
import type { DraftPart } from './draft.ts'

const PAGE = { title: 'A page of the sandbox', url: 'https://example.com/sandbox' }
const FOUND = 'The sandbox found this.'

/** What a call of a server tool finds, and a sentence about it with its source. */
export function finish(call: Block, now: number): readonly DraftPart[] {
  const name = String(call['name'])
  const content = contentOf(name, now)
  const block: Block = {
    type: resultOf(call),
    tool_use_id: call['id'],
    content,
    ...(name === 'web_search' || name === 'web_fetch' ? { caller: { type: 'direct' } } : {}),
  }
  const citations = name === 'web_search' ? [citation()] : []
  return [
    { kind: 'server-result', block },
    { kind: 'text', text: `\`${name}\` has answered: ${FOUND}`, citations },
  ]
}

function contentOf(name: string, now: number): unknown {
  switch (name) {
    case 'web_search':
      return [{ type: 'web_search_result', ...PAGE, page_age: null, encrypted_content: encrypted() }]
    case 'web_fetch':
      return {
        type: 'web_fetch_result',
        url: PAGE.url,
        retrieved_at: new Date(now).toISOString(),
        content: {
          type: 'document',
          source: { type: 'text', media_type: 'text/plain', data: FOUND },
          title: PAGE.title,
          citations: null,
        },
      }
    case 'bash_code_execution':
      return {
        type: 'bash_code_execution_result',
        stdout: `${FOUND}\n`,
        stderr: '',
        return_code: 0,
        content: [],
      }
    default:
      return { type: `${name}_tool_result_error`, error_code: 'unavailable' }
  }
}

function citation(): unknown {
  return {
    type: 'web_search_result_location',
    ...PAGE,
    encrypted_index: encrypted(),
    cited_text: FOUND,
  }
}

function encrypted(): string {
  return Buffer.from(FOUND).toString('base64')
}
