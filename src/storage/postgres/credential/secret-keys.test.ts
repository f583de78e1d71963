import { randomBytes } from 'node:crypto'
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { emptyHome } from '../../../../test/support/provider/signed-in.ts'
import { ConfigurationError } from '../../../support/errors.ts'
import { Secret } from '../../../support/secret.ts'
import { readSecretKeys } from './secret-keys.ts'

const fromVariable = (text: string) => readSecretKeys({ variable: new Secret(text), file: null })

it('takes 32 bytes in base64, in its form for addresses, and in hex, as the same key', () => {
  const raw = randomBytes(32)
  const ids = ['base64', 'base64url', 'hex'].map(
    (encoding) => fromVariable(raw.toString(encoding as BufferEncoding))[0]!.id,
  )
  expect(new Set(ids).size).toBe(1)
})

it.each([
  ['none', ''],
  ['a word', 'hunter2'],
  ['16 bytes', randomBytes(16).toString('hex')],
  ['33 bytes', randomBytes(33).toString('base64')],
  ['a password in quotation marks', '"correct horse battery staple!"'],
  ['one byte again and again', Buffer.alloc(32, 7).toString('base64')],
  ['a typed pattern', Buffer.from('abcdabcdabcdabcdabcdabcdabcdabcd').toString('base64')],
])('refuses %s, says how to make one, and repeats nothing of it', (_what, text) => {
  let refusal: unknown
  try {
    fromVariable(text)
  } catch (error) {
    refusal = error
  }
  expect(refusal).toBeInstanceOf(ConfigurationError)
  expect(String(refusal)).toContain('openssl rand -base64 32')
  expect(String(refusal)).not.toContain(text || 'TEST')
})

it('reads several, the newest first, while one is being replaced', () => {
  const [one, two] = [randomBytes(32).toString('base64'), randomBytes(32).toString('hex')]
  const ids = fromVariable(`${one}, ${two}`).map(({ id }) => id)
  expect(ids).toEqual([fromVariable(one)[0]!.id, fromVariable(two)[0]!.id])
})

it('reads a file that is for this user alone, and tightens one that is not', async () => {
  const path = `${await emptyHome()}/key`
  await writeFile(path, `${randomBytes(32).toString('base64')}\n${randomBytes(32).toString('hex')}\n`)
  await chmod(path, 0o644)
  expect(readSecretKeys({ variable: null, file: path })).toHaveLength(2)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

it('refuses a file that is missing or a folder, and two places at once', async () => {
  const home = await emptyHome()
  await mkdir(`${home}/folder`)
  for (const file of [`${home}/missing`, `${home}/folder`]) {
    expect(() => readSecretKeys({ variable: null, file })).toThrow(ConfigurationError)
  }
  const variable = new Secret(randomBytes(32).toString('hex'))
  expect(() => readSecretKeys({ variable, file: `${home}/missing` })).toThrow('not both')
})

it('shows nothing of a key in any kind of print', () => {
  const raw = randomBytes(32)
  const [key] = fromVariable(raw.toString('hex'))
  const shown = [String(key), JSON.stringify(key), inspect(key, { depth: 9, showHidden: true })].join()
  for (const form of ['hex', 'base64'] as const) {
    expect(shown).not.toContain(raw.toString(form))
    expect(shown).not.toContain(key!.reveal().toString(form))
  }
})
