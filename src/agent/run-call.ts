import type { ToolCall } from '../conversation/model.ts'
import type { Clock } from '../support/clock.ts'
import type { Tool, ToolResult } from './tool.ts'

/** A `/stop` has ended a tool within a second, and a process that ends has about as long to hand its turns back. */
const END_WITHIN_MS = 500

export type CallEnd =
  | { readonly kind: 'returned'; readonly result: ToolResult }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** It was told to end, and runs on. */
  | { readonly kind: 'left' }
  | { readonly kind: 'not-begun' }

/** Runs a call, and leaves it alone where it does not end after `signal` was aborted. Never rejects. */
export function runCall(tool: Tool, call: ToolCall, signal: AbortSignal, clock: Clock): Promise<CallEnd> {
  return new Promise((resolve) => {
    const onAbort = () => {
      const timer = clock.setTimer(() => end({ kind: 'left' }), END_WITHIN_MS)
      cancel = () => timer.cancel()
    }
    let cancel = () => {}
    const end = (what: CallEnd) => {
      cancel()
      signal.removeEventListener('abort', onAbort)
      resolve(what)
    }
    if (signal.aborted) return end({ kind: 'not-begun' })
    signal.addEventListener('abort', onAbort, { once: true })
    const run = async () => end({ kind: 'returned', result: await tool.run(call, signal) })
    run().catch((error: unknown) => end({ kind: 'threw', error }))
  })
}
