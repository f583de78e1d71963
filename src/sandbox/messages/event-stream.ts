import type { ServerResponse } from 'node:http'
import type { MessageFault } from '../faults/fault-names.ts'
import { reset, wait } from '../http.ts'

/** An answer that is about to be streamed. */
export interface StreamedAnswer {
  readonly id: string
  readonly model: string
  readonly pieces: readonly string[]
  readonly inputTokens: number
  readonly outputTokens: number
  readonly stopReason: string
}

/** Long enough for the bytes before a reset to reach the client first. */
const BEFORE_RESET_MS = 20

const PING = 'event: ping\ndata: {"type":"ping"}\n\n'
const BLOCK_START =
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":null}}\n\n'
const BLOCK_STOP = 'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
const MESSAGE_STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'

/** The events in the order of the Messages API, one string a piece: prologue, deltas, epilogue. */
function prologue(answer: StreamedAnswer): string {
  const { id, model, inputTokens } = answer
  return (
    `event: message_start\ndata: {"type":"message_start","message":{"id":"${id}","type":"message","role":"assistant",` +
    `"model":"${model}","content":[],"container":null,"diagnostics":null,"stop_details":null,"stop_reason":null,` +
    `"stop_sequence":null,"usage":{"input_tokens":${inputTokens},"cache_creation":null,` +
    `"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"inference_geo":null,"output_tokens":1,` +
    `"output_tokens_details":null,"server_tool_use":null,"service_tier":"standard","speed":null}}}\n\n` +
    BLOCK_START +
    PING
  )
}

function delta(text: string): string {
  const data = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":${JSON.stringify(text)}}}`
  return `event: content_block_delta\ndata: ${data}\n\n`
}

function epilogue(answer: StreamedAnswer): string {
  const usage =
    `{"input_tokens":${answer.inputTokens},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,` +
    `"output_tokens":${answer.outputTokens},"output_tokens_details":null,"server_tool_use":null}`
  const data = `{"type":"message_delta","delta":{"stop_reason":${JSON.stringify(answer.stopReason)},"stop_sequence":null,"stop_details":${JSON.stringify(stopDetails(answer.stopReason))},"container":null},"usage":${usage}}`
  return `${BLOCK_STOP}event: message_delta\ndata: ${data}\n\n${MESSAGE_STOP}`
}

/** What comes with a reason to stop; only a refusal has details. */
export function stopDetails(stopReason: string): unknown {
  return stopReason === 'refusal' ? { type: 'refusal', category: 'general_harms', explanation: null } : null
}

/** Streams an answer. Without a pace it is one write and no timer: benchmarks rely on that. */
export async function streamAnswer(
  res: ServerResponse,
  answer: StreamedAnswer,
  deltaDelayMs: number,
): Promise<void> {
  if (deltaDelayMs <= 0) {
    let text = prologue(answer)
    for (const piece of answer.pieces) text += delta(piece)
    res.end(text + epilogue(answer))
    return
  }
  res.write(prologue(answer))
  for (const piece of answer.pieces) {
    if (!(await wait(res, deltaDelayMs))) return
    res.write(delta(piece))
  }
  res.end(epilogue(answer))
}

/** Streams the beginning of an answer, then fails as `fault` says. */
export async function breakStream(
  res: ServerResponse,
  answer: StreamedAnswer,
  deltaDelayMs: number,
  fault: MessageFault,
  error: string,
): Promise<void> {
  res.write(prologue(answer))
  for (const piece of answer.pieces.slice(0, fault.afterDeltas ?? 1)) {
    if (deltaDelayMs > 0 && !(await wait(res, deltaDelayMs))) return
    res.write(delta(piece))
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
