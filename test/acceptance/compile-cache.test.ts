import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'

/** Runs a command with `home` as the user's folder and its own folder in place of /tmp. */
function runIn(home: string): { readonly cache: string; readonly shared: string } {
  const shared = join(home, 'shared')
  mkdirSync(shared)
  expect(hermes(['--version'], { HOME: home, TMPDIR: shared }).code).toBe(0)
  return { cache: join(home, '.cache/hermes-gateway'), shared }
}

describe('compiled code', () => {
  test('is kept in a folder of this user alone, never in the shared temporary one', () => {
    using folder = temporaryHome()
    const { cache, shared } = runIn(folder.home)
    expect(readdirSync(shared)).toEqual([])
    expect(statSync(cache).mode & 0o777).toBe(0o700)
    expect(readdirSync(cache)).not.toEqual([])
  })

  test.each([
    ['open to others', (cache: string) => (mkdirSync(cache, { recursive: true }), chmodSync(cache, 0o777))],
    [
      'a link to another one',
      (cache: string) => {
        mkdirSync(join(cache, '../elsewhere'), { recursive: true, mode: 0o700 })
        symlinkSync('elsewhere', cache)
      },
    ],
    [
      'in a folder that others may write to',
      (cache: string) => {
        mkdirSync(cache, { recursive: true, mode: 0o700 })
        chmodSync(join(cache, '..'), 0o777)
      },
    ],
  ])('is not kept where the folder is %s', (_what, make) => {
    using folder = temporaryHome()
    make(join(folder.home, '.cache/hermes-gateway'))
    const { cache, shared } = runIn(folder.home)
    expect(readdirSync(cache)).toEqual([])
    expect(readdirSync(shared)).toEqual([])
  })

  test('is kept in the folder for caches that the user has chosen, if no one else may write to it', () => {
    using folder = temporaryHome()
    const [own, open] = [join(folder.home, 'own'), join(folder.home, 'open')]
    for (const path of [own, open]) mkdirSync(path)
    chmodSync(open, 0o1777)
    for (const XDG_CACHE_HOME of [own, open])
      expect(hermes(['--version'], { HOME: folder.home, XDG_CACHE_HOME }).code).toBe(0)
    expect(readdirSync(join(own, 'hermes-gateway'))).not.toEqual([])
    expect(readdirSync(open)).toEqual([])
    expect(existsSync(join(folder.home, '.cache'))).toBe(false)
  })

  test('is not kept where the user has no folder', () => {
    using folder = temporaryHome()
    const shared = join(folder.home, 'shared')
    mkdirSync(shared)
    expect(hermes(['--version'], { HOME: join(folder.home, 'none'), TMPDIR: shared }).code).toBe(0)
    expect(readdirSync(shared)).toEqual([])
    expect(existsSync(join(folder.home, 'none'))).toBe(false)
  })
})
