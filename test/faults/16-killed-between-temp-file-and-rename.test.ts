import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { killedAtRename } from '../../bench/chaos/16-killed-at-rename.ts'
import { fewRounds } from '../support/few-rounds.ts'
import { SignInProcess } from '../support/processes/processes.ts'
import { borrowed } from '../support/provider/claude-code.ts'
import { MACHINE, NEVER, signedIn } from '../support/provider/signed-in.ts'

const leftovers = async (path: string) =>
  (await readdir(dirname(path))).filter((name) => name.endsWith('.hermes-tmp'))

describe.each([
  ['own', signedIn],
  ['claude-code', borrowed],
] as const)('a kill -9 around the rename of a renewal (%s)', (kind, start) => {
  it.each(['before-rename', 'after-rename'] as const)(
    '%s: the file is whole and nothing is lost',
    async (hangAt) => {
      const fixture = await start()
      const { home, path, sandbox, first, open } = fixture
      const configDir = 'configDir' in fixture ? fixture.configDir : home
      const victim = await SignInProcess.start({
        store: kind,
        home,
        configDir,
        machineId: MACHINE,
        tokenUrl: sandbox.tokenUrl,
        hangAt,
        hangOn: basename(path),
      })
      victim.send({ do: 'refresh' })
      expect(await victim.next()).toMatchObject({ hanging: hangAt })
      await victim.kill()
      expect(() => JSON.parse(JSON.stringify(path))).not.toThrow()
      JSON.parse(await readFile(path, 'utf8'))

      const next = open({ backoff: { initialMs: 1, maxMs: 1 } })
      await next.open()
      expect(await leftovers(path)).toEqual([])
      // The answer lay whole in the temporary file: its rename is made up for, and no request is needed.
      expect((await next.refresh(first, NEVER)).kind).toBe('adopted')
      expect(sandbox.counts).toMatchObject({ tokenRequests: 1, invalidGrants: 0 })
      // Nothing blocks the next process.
      const current = await next.read()
      if (current.kind !== 'present') throw new Error(current.kind)
      expect((await next.refresh(current.generation, NEVER)).kind).toBe('renewed')
    },
  )
})

it('half a temporary file is removed, and the old file stays', async () => {
  const { home, path, open } = await signedIn()
  const before = await readFile(path, 'utf8')
  const torn = `${home}/.credentials.json.renewal-of-00000000-1-ab.hermes-tmp`
  await writeFile(torn, before.slice(0, 100))
  await open().open()
  expect(await leftovers(path)).toEqual([])
  expect(await readFile(path, 'utf8')).toBe(before)
})

it.each([
  ['own', signedIn, 'credentials.intent.json'],
  ['claude-code', borrowed, 'claude-code.intent.json'],
] as const)('the temporary file of an intent is removed, too (%s)', async (store, start, intent) => {
  const fixture = await start()
  const { home, sandbox, open, first } = fixture
  const configDir = 'configDir' in fixture ? fixture.configDir : home
  const options = { store, home, configDir, machineId: MACHINE, tokenUrl: sandbox.tokenUrl } as const
  const victim = await SignInProcess.start({ ...options, hangAt: 'before-rename', hangOn: intent })
  victim.send({ do: 'refresh' })
  await victim.next()
  await victim.kill()
  expect(await leftovers(`${home}/x`)).toContainEqual(expect.stringContaining(intent))
  const next = open()
  await next.open()
  expect(await leftovers(`${home}/x`)).toEqual([])
  // It was killed before anything was counted, and nothing had left.
  expect((await next.refresh(first, NEVER)).kind).toBe('renewed')
  expect(sandbox.counts.tokenRequests).toBe(1)
})

it('another sign-in’s leftover answer never replaces the one a person made since', async () => {
  const { home, path, first, open } = await signedIn()
  const foreign = (await readFile(path, 'utf8')).replaceAll(
    first.refreshToken!.reveal(),
    'sk-ant-ort01-TEST-other',
  )
  await writeFile(`${home}/.credentials.json.renewal-of-12345678-1-ab.hermes-tmp`, foreign)
  const store = open()
  await store.open()
  const stored = await store.read()
  expect(stored.kind === 'present' && stored.generation.refreshToken!.equals(first.refreshToken!)).toBe(true)
})

it('the temporary file of a running process is kept', async () => {
  const { home, path, sandbox, open } = await signedIn()
  await using worker = await SignInProcess.start({
    store: 'own',
    home,
    machineId: MACHINE,
    tokenUrl: sandbox.tokenUrl,
    hangAt: 'before-rename',
    hangOn: basename(path),
  })
  worker.send({ do: 'refresh' })
  await worker.next()
  await open().open()
  expect(await leftovers(path)).toHaveLength(1)
})

fewRounds([killedAtRename])
