import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The program of gateways with tools; it needs the variable STEPS_FOLDER. */
export const TOOL_GATEWAY = fileURLToPath(new URL('./tool-gateway.ts', import.meta.url))

/** The lines that the tools of all such gateways have written: `begun CALL PID TIME` and `done CALL PID TIME`. */
export function toolLog(folder: string): string[] {
  const path = join(folder, 'log')
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
}
