import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tool } from '../../../src/agent/tool.ts'
import { pause } from '../until.ts'

/**
 * A tool of each class for the calls of `ScriptedTurns`; they write into the folder when they run.
 *
 * @param point called at the moments at which a process may be killed
 */
export function loggedTools(folder: string, point: (what: string) => void = () => {}): Tool[] {
  const tool = (name: string, kind: Tool['class']): Tool => ({
    definition: { name, description: `It is of the class ${kind}.`, inputSchema: '{"type":"object"}' },
    class: kind,
    title: name,
    async run({ input }) {
      const { call, ms } = JSON.parse(input) as { readonly call: string; readonly ms: number }
      const log = (what: string) =>
        appendFileSync(logOf(folder), `${what} ${call} ${process.pid} ${Date.now()}\n`)
      log('begun')
      point('a tool has begun')
      await pause(ms)
      log('done')
      point('a tool has acted')
      return { content: JSON.stringify(`did ${call}`), isError: false }
    },
  })
  return [tool('look', 'read'), tool('note', 'idempotent'), tool('act', 'effect')]
}

/** What such tools have written, in whichever process: `begun CALL PID TIME` and `done CALL PID TIME`. */
export function toolLog(folder: string): string[] {
  const path = logOf(folder)
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
}

function logOf(folder: string): string {
  return join(folder, 'log')
}
