import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../../bin/hermes.js', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built command to its end; only for commands that end without a signal. */
export function hermes(args: readonly string[], env: Readonly<Record<string, string>> = {}): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
    // Nothing of the environment of the tests: a real token there must not decide them.
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...env },
  })
  return { code: status, stdout, stderr }
}

/** A home of its own with these files, removed at the end of the scope. */
export function temporaryHome(
  files: Readonly<Record<string, string>> = {},
): { readonly home: string } & Disposable {
  const home = mkdtempSync(join(tmpdir(), 'hermes-home-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text, { mode: 0o600 })
  return { home, [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) }
}
