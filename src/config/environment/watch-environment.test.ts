import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { pause } from '../../../test/support/until.ts'
import { readDotenv } from './dotenv.ts'
import type { EnvironmentReading } from './environment.ts'
import { watchEnvironment } from './watch-environment.ts'

let folder: string
let path: string
let watching: Disposable | undefined
let readings: EnvironmentReading[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-'))
  path = join(folder, '.env')
  readings = []
})

afterEach(() => {
  watching?.[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

const watchIt = (pollMs?: number) => {
  watching = watchEnvironment(
    path,
    { DISCORD_BOT_TOKEN: 'TEST-process' },
    (reading) => readings.push(reading),
    pollMs,
  )
}
const latest = () => readings.at(-1)?.environment.telegram.botToken?.reveal() ?? null

it('reports a file that is created, changed, replaced and removed', async () => {
  watchIt()
  writeFileSync(path, 'TELEGRAM_BOT_TOKEN=1:TEST-a\n')
  await vi.waitFor(() => expect(latest()).toBe('1:TEST-a'))
  expect(readings[0]?.environment.discord.botToken?.reveal()).toBe('TEST-process')
  writeFileSync(path, 'TELEGRAM_BOT_TOKEN=1:TEST-b\n')
  await vi.waitFor(() => expect(latest()).toBe('1:TEST-b'))
  writeFileSync(`${path}.new`, 'TELEGRAM_BOT_TOKEN=1:TEST-c\n')
  renameSync(`${path}.new`, path)
  await vi.waitFor(() => expect(latest()).toBe('1:TEST-c'))
  unlinkSync(path)
  await vi.waitFor(() => expect(latest()).toBeNull())
})

it('finds by polling what the folder does not tell, such as a change behind a link', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'hermes-'))
  writeFileSync(join(elsewhere, 'env'), '')
  symlinkSync(join(elsewhere, 'env'), path)
  watchIt(50)
  writeFileSync(join(elsewhere, 'env'), 'TELEGRAM_BOT_TOKEN=1:TEST-far\n')
  await vi.waitFor(() => expect(latest()).toBe('1:TEST-far'))
  rmSync(elsewhere, { recursive: true })
})

it('says nothing while the content stays the same, and nothing after the end', async () => {
  writeFileSync(path, 'A=1\n')
  watchIt(20)
  writeFileSync(path, 'A=1\n')
  chmodSync(path, 0o600)
  writeFileSync(join(folder, 'other'), 'x')
  // Several polls of 20 ms.
  await pause(150)
  watching?.[Symbol.dispose]()
  writeFileSync(path, 'A=2\n')
  // Several polls of 20 ms.
  await pause(150)
  expect(readings).toEqual([])
})

it('a .env is read with quotes, comments and a byte order mark', () => {
  writeFileSync(path, '\ufeffA=1\n# no\nB="two words" # yes\nexport C=\'3\'\n')
  expect(readDotenv(path)).toEqual({ A: '1', B: 'two words', C: '3' })
})
