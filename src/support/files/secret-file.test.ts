import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inspectSecretFile } from './secret-file.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-'))
  path = join(folder, 'secret')
})
afterEach(() => rmSync(folder, { recursive: true }))

const modeOf = (file: string) => statSync(file).mode & 0o777

it('tells a missing file, and a link to nowhere, from one that is there', () => {
  expect(inspectSecretFile(path)).toEqual({ kind: 'absent' })
  symlinkSync(join(folder, 'nowhere'), path)
  expect(inspectSecretFile(path)).toEqual({ kind: 'absent' })
})

it.each([0o600, 0o400, 0o700])('leaves mode %o alone', (mode) => {
  writeFileSync(path, '')
  chmodSync(path, mode)
  expect(inspectSecretFile(path)).toEqual({ kind: 'fine', warning: null })
  expect(modeOf(path)).toBe(mode)
})

it.each([
  [0o644, 0o600],
  [0o640, 0o600],
  [0o444, 0o400],
  [0o602, 0o600],
])('tightens mode %o to %o and says so', (before, after) => {
  writeFileSync(path, '')
  chmodSync(path, before)
  const state = inspectSecretFile(path)
  expect(state).toEqual({
    kind: 'fine',
    warning: `${path} was readable by others (mode 0${before.toString(8)}); it is not any more.`,
  })
  expect(modeOf(path)).toBe(after)
})

it('refuses what is no file', () => {
  mkdirSync(path)
  expect(inspectSecretFile(path)).toEqual({ kind: 'refused', reason: `${path} is a directory, not a file.` })
  rmSync(path, { recursive: true })
  execFileSync('mkfifo', [path])
  expect(inspectSecretFile(path)).toEqual({ kind: 'refused', reason: `${path} is a FIFO, not a file.` })
  rmSync(path)
  symlinkSync('/dev/null', path)
  expect(inspectSecretFile(path)).toEqual({ kind: 'refused', reason: `${path} is a device, not a file.` })
})

it.runIf(process.getuid?.() === 0)(
  "refuses another user's file, root's included unless it may be root's",
  () => {
    writeFileSync(path, '', { mode: 0o600 })
    chownSync(path, 12_345, 12_345)
    expect(inspectSecretFile(path, { rootMayOwn: true })).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('belongs to another user (uid 12345, this is 0)') as string,
    })
  },
)
