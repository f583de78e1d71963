import type { ModelMessage } from '../conversation/model.ts'
import type { Step } from '../inbox/step.ts'
import { resultBlock, errorResult } from './call-result.ts'
import { readResponse, textOf } from './response.ts'

/**
 * The messages that a turn appends after its question, joined from what is stored, byte by byte. Valid for the API
 * as they stand: each call has its result in the next message, and nothing but results is in that.
 */

/** Of a call that had no result when the person stopped the turn. */
const STOPPED = 'Stopped; outcome unknown'
/** Where the history needs a word of the model, and it said none. */
const STOPPED_SILENT = '(Stopped.)'
const SILENT = '(No further text.)'

/** What a further step is sent after the question. */
export function messagesOf(steps: readonly Step[]): ReadonlyArray<BlockMessage> {
  return steps.flatMap((step) => [
    blockMessage('assistant', readResponse(step).content),
    blockMessage('user', resultsOf(step, null)),
  ])
}

/**
 * What an answered turn appends to the history, as JSON text.
 *
 * @param content JSON text of the blocks of its last response
 */
export function answeredBlocks(steps: readonly Step[], content: string): string {
  const isEmpty = (JSON.parse(content) as unknown[]).length === 0
  return join([...messagesOf(steps), blockMessage('assistant', isEmpty ? textBlock(SILENT) : content)])
}

/**
 * What a stopped turn appends to the history; null = nothing was stored of it.
 *
 * @param shown the text of the response that was being written: unfinished thinking is no part of any history
 */
export function stoppedBlocks(steps: readonly Step[], shown: string): string | null {
  if (steps.length === 0) return null
  const messages = steps.flatMap((step) => [
    blockMessage('assistant', readResponse(step).content),
    blockMessage('user', resultsOf(step, errorResult(STOPPED))),
  ])
  const last = shown.trim() === '' ? STOPPED_SILENT : shown
  return join([...messages, blockMessage('assistant', textBlock(last))])
}

/** The blocks of a response whose calls never run: its text alone. */
export function withoutCalls(content: string): string {
  const text = textOf(content)
  return text.trim() === '' ? '[]' : textBlock(text)
}

/** @param missing the result of a call that has none; null: every one has */
function resultsOf({ calls }: Step, missing: string | null): string {
  return `[${calls.map(({ id, result }) => resultBlock(id, (result ?? missing)!)).join(',')}]`
}

function textBlock(text: string): string {
  return JSON.stringify([{ type: 'text', text }])
}

type BlockMessage = ModelMessage & { readonly blocks: string }

function blockMessage(role: ModelMessage['role'], blocks: string): BlockMessage {
  return { role, text: '', attachments: [], blocks }
}

function join(messages: ReadonlyArray<BlockMessage>): string {
  return `[${messages.map(({ role, blocks }) => `{"role":"${role}","content":${blocks}}`).join(',')}]`
}
