import { chmod, writeFile } from 'node:fs/promises'
import { afterEach, expect, it } from 'vitest'
import { emptyHome } from '../../../test/support/provider/signed-in.ts'
import { readKeychain } from './keychain.ts'

const path = process.env['PATH']
afterEach(() => void (process.env['PATH'] = path))

/** Puts a program named `security` first, as macOS has one. */
async function security(script: string): Promise<void> {
  const folder = await emptyHome()
  await writeFile(`${folder}/security`, `#!/bin/sh\n${script}\n`)
  await chmod(`${folder}/security`, 0o700)
  process.env['PATH'] = `${folder}:${path}`
}

it('is asked on macOS for Claude Code’s item, by name', async () => {
  await security(
    '[ "$*" = "find-generic-password -s Claude Code-credentials -w" ] && echo \'{"claudeAiOauth":{}}\'',
  )
  expect(await readKeychain('darwin')).toBe('{"claudeAiOauth":{}}')
})

it('is asked nowhere else', async () => {
  await security('echo should not run')
  expect(await readKeychain('linux')).toBeNull()
})

it('without the item, or locked, counts as nothing there', async () => {
  await security('echo "The specified item could not be found in the keychain." >&2; exit 44')
  expect(await readKeychain('darwin')).toBeNull()
  await security('exit 0')
  expect(await readKeychain('darwin')).toBeNull()
})
