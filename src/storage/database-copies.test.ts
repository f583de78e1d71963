import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listCopies, removeOldCopies } from './database-copies.ts'

const DAY_SECONDS = 86_400
const COPIES = ['hermes.db.backup-v1', 'hermes.db.backup-v12', 'hermes.db.copied', 'hermes.db.copied-wal']
const OTHERS = ['hermes.db', 'hermes.db-wal', 'hermes.db.mine', 'my-hermes.db.backup-v1', 'config.yaml']

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hermes-copies-'))
  for (const name of [...COPIES, ...OTHERS]) writeFileSync(join(home, name), 'a')
})
afterEach(() => rmSync(home, { recursive: true }))

function age(name: string, days: number): void {
  const at = Date.now() / 1_000 - days * DAY_SECONDS
  utimesSync(join(home, name), at, at)
}

test('the copies that the program made are found, and nothing else', async () => {
  expect((await listCopies(home)).toSorted()).toEqual(COPIES.map((name) => join(home, name)).toSorted())
})

test('a copy as old as the retention is removed, and nothing else', async () => {
  for (const name of [...COPIES, ...OTHERS]) age(name, 91)
  age('hermes.db.backup-v12', 89)
  await removeOldCopies(home, Date.now() - 90 * DAY_SECONDS * 1_000)
  expect(readdirSync(home).toSorted()).toEqual(['hermes.db.backup-v12', ...OTHERS].toSorted())
})
