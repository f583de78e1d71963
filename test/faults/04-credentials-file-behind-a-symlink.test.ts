import { lstat, mkdir, readFile, readdir, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { borrowed } from '../support/provider/claude-code.ts'
import { emptyHome, NEVER, signedIn } from '../support/provider/signed-in.ts'
import { tokensOf } from '../support/provider/tokens-of.ts'

describe.each([
  ['our own file', signedIn],
  ['Claude Code’s file', borrowed],
])('%s behind a symbolic link', (_name, start) => {
  it('has its target written by a renewal, and the link stays', async () => {
    const { store, path, first, present } = await start()
    const elsewhere = join(await emptyHome(), 'dotfiles')
    await mkdir(elsewhere)
    const target = join(elsewhere, 'secret.json')
    await rename(path, target)
    await symlink(target, path)

    expect((await store.refresh(first, NEVER)).kind).toBe('renewed')
    expect((await lstat(path)).isSymbolicLink()).toBe(true)
    expect((await lstat(target)).mode & 0o777).toBe(0o600)
    expect(await readFile(target, 'utf8')).toContain((await present()).accessToken.reveal())
    expect(await readdir(elsewhere)).toEqual(['secret.json'])
  })
})

it('a sign-in writes the target too', async () => {
  const { store, path, sandbox, settings } = await signedIn()
  const target = join(await emptyHome(), 'secret.json')
  await rename(path, target)
  await symlink(target, path)
  await store.signIn({ kind: 'oauth', tokens: tokensOf(sandbox.signIn()), requestedScopes: settings.scopes })
  expect((await lstat(path)).isSymbolicLink()).toBe(true)
  expect((await readFile(target, 'utf8')).match(/"accessToken"/g)).toHaveLength(2)
})
