import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LOGIN_CHANNELS, PULL_CHANNELS } from '../../src/channels/channel.ts'
import { CAPABILITIES, capabilityTables } from './capabilities.ts'

const DOCS = new URL('../../docs/channels.md', import.meta.url)

test('the documentation shows what the channels declare', () => {
  const page = readFileSync(DOCS, 'utf8')
  const shown = /<!-- capabilities -->\n([\s\S]*?)\n<!-- end -->/.exec(page)?.[1]?.trim()
  expect(shown, 'docs/channels.md: put the expected text between its marks').toBe(capabilityTables())
})

test('every channel that keeps the contract declares what it can do, and no other', () => {
  const fixture = readdirSync(new URL('.', import.meta.url)).flatMap(
    (name) => /^(\w+)-channel\.test\.ts$/.exec(name)?.[1] ?? [],
  )
  expect(fixture.toSorted()).toEqual(Object.keys(CAPABILITIES).toSorted())
})

test.each(Object.entries(CAPABILITIES))('%s declares what the program does', (name, { pushes, words }) => {
  expect(pushes).toBe(!PULL_CHANNELS.includes(name))
  const fromChat = /private chat|room with two members/.test(words.login)
  expect(fromChat).toBe(LOGIN_CHANNELS.has(name))
})

test.each(Object.entries(CAPABILITIES))(
  'the contract and the fault tests take what %s can from here',
  (name) => {
    const contract = readFileSync(new URL(`./${name}-channel.test.ts`, import.meta.url), 'utf8')
    expect(contract).toContain(`capabilities: CAPABILITIES.${name}`)
  },
)
