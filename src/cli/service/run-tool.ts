import { execFile } from 'node:child_process'
import { SECOND } from '../../support/clock.ts'

/** `enable --now` waits until the gateway is ready or has failed. */
const TOOL_TIMEOUT_MS = 100 * SECOND

export interface ToolResult {
  /** null: the program is not installed, or timed out. */
  readonly code: number | null
  readonly stdout: string
  /** The last line of its error output. */
  readonly problem: string
}

/** Runs a system program and returns its output. Never rejects. */
export function runTool(
  program: string,
  args: readonly string[],
  timeoutMs: number = TOOL_TIMEOUT_MS,
): Promise<ToolResult> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: timeoutMs }, (error, stdout, stderr) => {
      if (!error) return resolve({ code: 0, stdout: stdout.trim(), problem: '' })
      const code = typeof error.code === 'number' ? error.code : null
      const missing = (error.code as unknown) === 'ENOENT'
      const problem = missing ? `${program} is not installed` : (stderr.trim().split('\n').at(-1) ?? '')
      resolve({ code, stdout: stdout.trim(), problem: problem || `${program} exited with code ${code}` })
    })
  })
}
