import type { Tool, ToolResult, TurnLimits } from '../../../src/agent/tool.ts'
import { MINUTE } from '../../../src/support/clock.ts'

/** Those of a gateway whose operator has set none. */
export const DEFAULT_LIMITS: TurnLimits = {
  steps: 40,
  timeMs: 15 * MINUTE,
  resultBytes: 64 * 1024,
  callsPerMinute: 30,
  cost: 2e9,
}

/** A tool that counts its runs, and does in each what the test says. */
export class TestTool implements Tool {
  readonly definition: Tool['definition']
  readonly class: Tool['class']
  readonly title: string
  readonly ran: string[] = []
  does: (signal: AbortSignal, id: string) => Promise<ToolResult> = async () => ({
    content: '"done"',
    isError: false,
  })

  constructor(name: string, kind: Tool['class'], title = name) {
    this.definition = { name, description: `It is ${name}.`, inputSchema: '{"type":"object"}' }
    this.class = kind
    this.title = title
  }

  run({ id }: { readonly id: string }, signal: AbortSignal): Promise<ToolResult> {
    this.ran.push(id)
    return this.does(signal, id)
  }
}
