import { writeFileSync } from 'node:fs'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { emptyHome } from '../../../test/support/provider/signed-in.ts'
import { pause } from '../../../test/support/until.ts'
import { watchFile } from './file-watch.ts'
import { writeFileAtomically } from './private-file.ts'

/** The watch of a folder begins, and ends, in the background. */
const watchSettled = () => pause(100)

it.each([
  ['is replaced by a rename', (path: string) => writeFileAtomically(path, 'new')],
  ['is written in place', (path: string) => writeFile(path, 'newer')],
  ['goes', (path: string) => rm(path)],
])('a listener hears within 5 s that a file %s', async (_what, change) => {
  const path = `${await emptyHome()}/a.json`
  await writeFile(path, 'old')
  let calls = 0
  using _watch = watchFile(path, () => calls++)
  await watchSettled()
  expect(calls).toBe(0)
  await change(path)
  await expect.poll(() => calls, { timeout: 5_000 }).toBe(1)
})

it('a listener is called for a file whose folder is created later, and of one behind a link', async () => {
  const home = await emptyHome()
  let calls = 0
  using _watch = watchFile(`${home}/later/a.json`, () => calls++)
  await watchSettled()
  await mkdir(`${home}/later`)
  await writeFile(`${home}/target`, 'one')
  await symlink(`${home}/target`, `${home}/later/a.json`)
  await expect.poll(() => calls, { timeout: 5_000 }).toBeGreaterThan(0)
  const before = calls
  await writeFile(`${home}/other`, 'two, which is longer')
  await rename(`${home}/other`, `${home}/target`)
  await expect.poll(() => calls, { timeout: 5_000 }).toBeGreaterThan(before)
})

it('what changes right after the call is heard, and again while the listener cannot read it', async () => {
  const path = `${await emptyHome()}/a.json`
  let calls = 0
  using _watch = watchFile(path, () => ++calls === 3, 20)
  writeFileSync(path, 'new')
  await expect.poll(() => calls).toBe(3)
  await pause(100)
  expect(calls).toBe(3)
})

it('nothing is heard after the end', async () => {
  const path = `${await emptyHome()}/a.json`
  let calls = 0
  const watch = watchFile(path, () => calls++)
  await watchSettled()
  watch[Symbol.dispose]()
  await writeFile(path, 'new')
  await watchSettled()
  expect(calls).toBe(0)
})
