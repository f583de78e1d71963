import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { borrowed } from '../support/provider/claude-code.ts'
import { NEVER, signedIn } from '../support/provider/signed-in.ts'

/** What a torn write, an editor or a signed-out program leaves, made from a good file's text. */
const BREAKAGES: Array<[string, (text: string) => string, RegExp]> = [
  ['truncated JSON', (text) => text.slice(0, text.length / 2), /not valid JSON/],
  ['a byte order mark', (text) => `\uFEFF${text}`, /byte order mark/],
  ['an empty file', () => '', /is empty/],
  ['white space alone', () => ' \n', /is empty/],
  ['an array', () => '[]', /not a JSON object/],
  [
    'a blank access token',
    (text) => text.replace(/"accessToken":( ?)"[^"]+"/, '"accessToken":"  "'),
    /blank|stub/,
  ],
  [
    'a token with a line break',
    (text) => text.replace(/"accessToken":( ?)"sk/, '"accessToken":"sk\\n'),
    /blank|stub/,
  ],
  ['an expiry of zero', (text) => text.replace(/"expiresAt":( ?)\d{5,}/, '"expiresAt":0'), /expiry|stub/],
  ['an expiry in words', (text) => text.replace(/"expiresAt":( ?)\d{5,}/, '"expiresAt":"soon"'), /expiry/],
]

describe.each([
  ['our own file', signedIn],
  ['Claude Code’s file', borrowed],
])('%s', (_name, start) => {
  it.each(BREAKAGES)(
    'holding %s is not adopted, not overwritten, and says why',
    async (_what, breakIt, message) => {
      const { store, path, first, sandbox } = await start()
      const broken = breakIt(await readFile(path, 'utf8'))
      await writeFile(path, broken)

      const stored = await store.read()
      expect(stored).toMatchObject({ kind: 'unusable', message: expect.stringMatching(message) })
      expect(JSON.stringify(stored)).not.toMatch(/sk-ant/)
      expect(await store.refresh(first, NEVER)).toMatchObject({
        kind: 'superseded',
        stored: { kind: 'unusable' },
      })
      expect(await readFile(path, 'utf8')).toBe(broken)
      expect(sandbox.counts.tokenRequests).toBe(0)
    },
  )

  it('that breaks while the answer is in flight is not changed, and gets the answer once it is whole', async () => {
    const { store, path, first, sandbox, present } = await start()
    const whole = await readFile(path, 'utf8')
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 200 })
    const renewal = store.refresh(first, NEVER)
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    await writeFile(path, '{"torn')
    const outcome = await renewal
    expect(outcome.kind).toBe('unsaved')
    expect(await store.saveUnsaved()).toBe(false)
    expect(await readFile(path, 'utf8')).toBe('{"torn')

    await writeFile(path, whole)
    expect(await store.saveUnsaved()).toBe(true)
    const served = 'generation' in outcome ? outcome.generation.accessToken : null
    expect(served?.equals((await present()).accessToken)).toBe(true)
    expect(sandbox.counts.tokenRequests).toBe(1)
  })
})

it('a tombstone of Claude Code is no sign-in', async () => {
  const { store, write, document } = await borrowed()
  const { claudeAiOauth } = await document()
  await write({ claudeAiOauth: { ...claudeAiOauth, loginEnded: true } })
  expect(await store.read()).toMatchObject({ kind: 'unusable', reason: 'absent' })
})

it('a file that an old version is just writing in place is read again a moment later', async () => {
  const { store, path } = await borrowed()
  const whole = await readFile(path, 'utf8')
  await writeFile(path, whole.slice(0, 40))
  setTimeout(() => void writeFile(path, whole), 60)
  expect((await store.read()).kind).toBe('present')
})
