import { lstat, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { emptyHome } from '../../../test/support/provider/signed-in.ts'
import { findLeftovers, prepareFile, writeFileAtomically } from './private-file.ts'

describe('a file that is replaced in one step', () => {
  it('is for this user alone, whole, and leaves no other file behind', async () => {
    const folder = await emptyHome()
    const path = `${folder}/a.json`
    await writeFile(path, 'old', { mode: 0o644 })
    await writeFileAtomically(path, 'new')
    expect(await readFile(path, 'utf8')).toBe('new')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['a.json'])
  })

  it('has its room reserved before, and is cut to its length after', async () => {
    const folder = await emptyHome()
    const path = `${folder}/a.json`
    await writeFile(path, 'x'.repeat(30_000))
    const prepared = await prepareFile(path)
    expect((await stat(prepared.temporaryPath)).size).toBe(60_000)
    expect(await findLeftovers(path)).toEqual([prepared.temporaryPath])
    await prepared.commit('{}')
    expect(await readFile(path, 'utf8')).toBe('{}')
    await prepared.discard()
    expect(await readFile(path, 'utf8')).toBe('{}')
  })

  it('is untouched when the new text is given up', async () => {
    const folder = await emptyHome()
    const path = `${folder}/a.json`
    await writeFile(path, 'old')
    const prepared = await prepareFile(path)
    await prepared.discard()
    expect(await readdir(folder)).toEqual(['a.json'])
    await expect(prepared.commit('late')).rejects.toThrow('given up')
    expect(await readFile(path, 'utf8')).toBe('old')
  })

  it('may be behind a link, also one whose target is not there yet', async () => {
    const [folder, elsewhere] = [await emptyHome(), await emptyHome()]
    const path = `${folder}/a.json`
    await writeFile(`${elsewhere}/target`, 'old')
    await symlink(`${elsewhere}/target`, path)
    await writeFileAtomically(path, 'new')
    expect((await lstat(path)).isSymbolicLink()).toBe(true)
    expect(await readFile(`${elsewhere}/target`, 'utf8')).toBe('new')
    await rm(`${elsewhere}/target`)
    await writeFileAtomically(path, 'newer')
    expect((await lstat(path)).isSymbolicLink()).toBe(true)
    expect(await readFile(`${elsewhere}/target`, 'utf8')).toBe('newer')
  })
})
