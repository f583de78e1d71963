import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { afterThisTest, MACHINE, NEVER, signedIn } from '../../../../test/support/provider/signed-in.ts'
import { tokensOf } from '../../../../test/support/provider/tokens-of.ts'
import { databaseOfSignIns, keysIn } from '../../../../test/support/stores/shared-place.ts'
import { OwnStore } from '../../../credentials/own/own-store.ts'
import { TokenEndpoint } from '../../../oauth/token-endpoint.ts'
import { moveSignIn, SharedSignIns } from './shared-sign-ins.ts'
import { SignInRow } from './sign-in-row.ts'

/** A home with a sign-in in its file, and an empty database. */
async function fixture() {
  const signed = await signedIn()
  const { database, secretKey } = await databaseOfSignIns()
  const endpoint = new TokenEndpoint(signed.settings)
  const file = () => new OwnStore({ path: signed.path, machineId: MACHINE, endpoint })
  const shared = new SharedSignIns({ database, keys: keysIn(secretKey), holder: 'TEST', endpoint })
  afterThisTest(() => shared.close())
  const intent = async () => (await new SignInRow(database, keysIn(secretKey)).read()).intent
  return { ...signed, file, shared, intentThere: intent }
}

it('moves the sign-in: the database renews it, and the file holds no token and gives none', async () => {
  const { file, shared, first, path, sandbox } = await fixture()
  expect(await moveSignIn(file(), shared)).toBe(true)
  expect((await shared.refresh(first, NEVER)).kind).toBe('renewed')
  expect(await readFile(path, 'utf8')).not.toContain('sk-ant')
  expect(await file().current()).toMatchObject({ kind: 'unusable', reason: 'absent' })
  expect((await file().refresh(first, NEVER)).kind).toBe('superseded')
  expect(await moveSignIn(file(), shared)).toBe(false)
  expect(sandbox.counts).toMatchObject({ tokenRequests: 1, invalidGrants: 0 })
})

it.each(['before the database has it', 'when the database has it'] as const)(
  'stopped %s, it never leaves both places usable, and completes when it is run again',
  async (when) => {
    const { file, shared, first, path } = await fixture()
    const stopped = file().giveAway(async (given) => {
      if (when === 'when the database has it') await shared.takeOver(given)
      throw new Error('killed')
    })
    await expect(stopped).rejects.toThrow('killed')
    expect((await file().current()).kind).toBe('unusable')
    // An older program does not know of moves; it sees that nothing is active.
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ active: null })
    const refreshed = await shared.refresh(first, NEVER)
    expect(refreshed.kind).toBe(when === 'when the database has it' ? 'renewed' : 'superseded')
    expect(await moveSignIn(file(), shared)).toBe(true)
    const stored = await shared.read()
    // What was refreshed in between is not overwritten with the old sign-in.
    expect(stored.kind === 'present' && stored.generation.accessToken.equals(first.accessToken)).toBe(
      when === 'before the database has it',
    )
    expect(await readFile(path, 'utf8')).not.toContain('sk-ant')
  },
)

it('brings back nothing that a person has removed since it arrived', async () => {
  const { file, shared } = await fixture()
  await file()
    .giveAway(async (given) => {
      await shared.takeOver(given)
      throw new Error('killed')
    })
    .catch(() => {})
  await shared.logout()
  expect(await moveSignIn(file(), shared)).toBe(true)
  expect((await shared.current()).kind).toBe('absent')
})

it('takes along that the token may have been spent', async () => {
  const { file, shared, store, first, sandbox, intentThere } = await fixture()
  sandbox.control.fault({ target: 'token-endpoint', fault: '500', times: 1 })
  await store.refresh(first, NEVER)
  await moveSignIn(file(), shared)
  expect(await intentThere()).toMatchObject({ outcome: 'ambiguous', sends: 1 })
  expect(await shared.refresh(first, NEVER, { mayRepeat: false })).toMatchObject({ ambiguous: true })
})

it('leaves the newer sign-in of the database the active one', async () => {
  const { file, shared, sandbox } = await fixture()
  const newer = sandbox.signIn()
  await shared.signIn({ kind: 'oauth', tokens: tokensOf(newer), requestedScopes: [] })
  await moveSignIn(file(), shared)
  const current = await shared.current()
  expect(current.kind === 'oauth' && current.generation.accessToken.reveal()).toBe(newer.accessToken)
  expect(await shared.list()).toHaveLength(2)
})

it('waits for no refresh that hangs, and changes nothing then', async () => {
  const { file, shared, open, first, sandbox } = await fixture()
  sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 3_000 })
  const hanging = open().refresh(first, NEVER)
  await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
  await expect(moveSignIn(file(), shared)).rejects.toThrow('renews this sign-in just now')
  expect((await shared.current()).kind).toBe('absent')
  await hanging
}, 20_000)

it('refuses a file that was copied from another machine', async () => {
  const { file, shared, edit } = await fixture()
  await edit((document) => (document.machine = 'elsewhere'))
  await expect(moveSignIn(file(), shared)).rejects.toThrow('copied from another machine')
  expect((await shared.current()).kind).toBe('absent')
})

it('finds nothing to move where there is no file, and a file is in use again after a new sign-in', async () => {
  const { file, shared, path, sandbox } = await fixture()
  await moveSignIn(file(), shared)
  const again = sandbox.signIn()
  await file().signIn({ kind: 'oauth', tokens: tokensOf(again), requestedScopes: [] })
  expect((await file().current()).kind).toBe('oauth')
  await writeFile(path, JSON.stringify({ version: 1, machine: MACHINE, active: null, signIns: [] }))
  expect(await moveSignIn(file(), shared)).toBe(false)
})
