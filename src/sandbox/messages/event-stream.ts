import type { ServerResponse } from 'node:http'
import type { MessageFault } from '../faults/fault-names.ts'
import { reset, wait } from '../http.ts'
import { finalUsage, messageBody, type AnswerBody } from './answer-body.ts'
import { piecesOf } from './answer.ts'
import type { Block } from './content.ts'

/** An event, in the form that is sent. */
interface Frame {
  readonly text: string
  /** Something that a person may wait for; the others come at once. */
  readonly isPiece: boolean
}

/** Long enough for the bytes before a reset to reach the client first. */
const BEFORE_RESET_MS = 20
/** Of the JSON of a call's input, as the service sends it. */
const JSON_PIECE_LENGTH = 24

const PING = 'event: ping\ndata: {"type":"ping"}\n\n'
const MESSAGE_STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'

/** The events of an answer up to its last block, in the order of the Messages API. */
function* framesOf(answer: AnswerBody, wordsPerDelta: number): Generator<Frame> {
  const start = JSON.stringify({ type: 'message_start', message: messageBody(answer, 'start') })
  yield frame(`event: message_start\ndata: ${start}\n\n`)
  for (const [index, block] of answer.blocks.entries()) {
    const opened = JSON.stringify({ type: 'content_block_start', index, content_block: opening(block) })
    yield frame(`event: content_block_start\ndata: ${opened}\n\n${index === 0 ? PING : ''}`)
    const cut = answer.cut && index === answer.blocks.length - 1
    for (const delta of deltasOf(block, wordsPerDelta, cut)) {
      const data = `{"type":"content_block_delta","index":${index},"delta":${JSON.stringify(delta)}}`
      yield { text: `event: content_block_delta\ndata: ${data}\n\n`, isPiece: true }
    }
    yield frame(`event: content_block_stop\ndata: {"type":"content_block_stop","index":${index}}\n\n`)
  }
}

function frame(text: string): Frame {
  return { text, isPiece: false }
}

function epilogue(answer: AnswerBody): string {
  const { stopReason, stopDetails, container } = answer
  const delta = { stop_reason: stopReason, stop_sequence: null, stop_details: stopDetails, container }
  const data = JSON.stringify({ type: 'message_delta', delta, usage: finalUsage(answer) })
  return `event: message_delta\ndata: ${data}\n\n${MESSAGE_STOP}`
}

/** A block as it begins: what comes in pieces is empty. */
function opening(block: Block): Block {
  switch (block.type) {
    case 'text':
      return { ...block, text: '', citations: null }
    case 'thinking':
      return { ...block, thinking: '', signature: '' }
    case 'tool_use':
    case 'server_tool_use':
      return { ...block, input: {} }
    case 'compaction':
      return { ...block, content: null, encrypted_content: null }
    default:
      return block
  }
}

function deltasOf(block: Block, wordsPerDelta: number, cut: boolean): readonly object[] {
  switch (block.type) {
    case 'text': {
      const citations = Array.isArray(block['citations']) ? block['citations'] : []
      return [
        ...citations.map((citation: unknown) => ({ type: 'citations_delta', citation })),
        ...piecesOf(String(block['text']), wordsPerDelta).map((text) => ({ type: 'text_delta', text })),
      ]
    }
    case 'thinking': {
      const thinking = String(block['thinking'])
      const pieces = thinking === '' ? [] : piecesOf(thinking, wordsPerDelta)
      return [
        ...pieces.map((piece) => ({ type: 'thinking_delta', thinking: piece })),
        { type: 'signature_delta', signature: block['signature'] },
      ]
    }
    case 'tool_use':
    case 'server_tool_use':
      return jsonPieces(JSON.stringify(block['input']), cut).map((json) => ({
        type: 'input_json_delta',
        partial_json: json,
      }))
    case 'compaction': {
      const { content, encrypted_content } = block
      return [{ type: 'compaction_delta', content, encrypted_content }]
    }
    default:
      return []
  }
}

/** The first piece is empty, as that of the service; an input that is cut lacks its end. */
function jsonPieces(json: string, cut: boolean): readonly string[] {
  const sent = cut ? json.slice(0, Math.ceil(json.length / 2)) : json
  return ['', ...(sent.match(new RegExp(`[^]{1,${JSON_PIECE_LENGTH}}`, 'gu')) ?? [])]
}

/** Streams an answer. Without a pace it is one write and no timer: benchmarks rely on that. */
export async function streamAnswer(
  res: ServerResponse,
  answer: AnswerBody,
  pace: { readonly wordsPerDelta: number; readonly deltaDelayMs: number },
): Promise<void> {
  if (pace.deltaDelayMs <= 0) {
    let text = ''
    for (const frame of framesOf(answer, pace.wordsPerDelta)) text += frame.text
    res.end(text + epilogue(answer))
    return
  }
  for (const { text, isPiece } of framesOf(answer, pace.wordsPerDelta)) {
    if (isPiece && !(await wait(res, pace.deltaDelayMs))) return
    res.write(text)
  }
  res.end(epilogue(answer))
}

/** Streams the beginning of an answer, then fails as `fault` says. */
export async function breakStream(
  res: ServerResponse,
  answer: AnswerBody,
  pace: { readonly wordsPerDelta: number; readonly deltaDelayMs: number },
  fault: MessageFault,
  error: string,
): Promise<void> {
  let left = fault.afterDeltas ?? 1
  for (const { text, isPiece } of framesOf(answer, pace.wordsPerDelta)) {
    if (isPiece && left-- <= 0) break
    if (isPiece && pace.deltaDelayMs > 0 && !(await wait(res, pace.deltaDelayMs))) return
    res.write(text)
  }
  switch (fault.fault) {
    case 'truncated-stream':
      return void res.end()
    case 'error-mid-stream':
      return void res.end(`event: error\ndata: ${error}\n\n`)
    case 'reset-mid-stream':
      if (await wait(res, BEFORE_RESET_MS)) reset(res)
      return
    default:
      // hang-mid-stream: the connection stays, and nothing more comes.
      return
  }
}
