import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { LOGIN_CHANNELS, PULL_CHANNELS } from '../../src/channels/channel.ts'
import { COMMAND_LIST } from '../../src/conversation/commands.ts'
import { CAPABILITIES, capabilityTables } from './capabilities.ts'

const DOCS = new URL('../../docs/channels.md', import.meta.url)
const UPDATE = 'npx vitest run --project unit test/contracts/capabilities.test.ts -u'

test(`the documentation shows what the channels declare (${UPDATE} writes it)`, async () => {
  const page = readFileSync(DOCS, 'utf8')
  const [before, rest = ''] = page.split('<!-- capabilities -->')
  const [, after] = rest.split('<!-- end -->')
  const expected = `${before}<!-- capabilities -->\n${capabilityTables()}\n<!-- end -->${after}`
  await expect(expected).toMatchFileSnapshot(fileURLToPath(DOCS))
})

test.each(['telegram', 'discord', 'slack', 'matrix', 'email'])('docs/%s.md names every command', (name) => {
  const page = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')
  // Slack's are written without the slash, behind the first one.
  const isNamed = (command: string) => new RegExp(`[\`/!]${command}\``).test(page)
  const commands = COMMAND_LIST.map((command) => command.name)
  const usable = commands.filter((command) => command !== 'login' || LOGIN_CHANNELS.has(name))
  expect(usable.filter((command) => !isNamed(command))).toEqual([])
})

test('every channel that keeps the contract declares what it can do, and no other', () => {
  const fixture = readdirSync(new URL('.', import.meta.url)).flatMap(
    (name) => /^(\w+)-channel\.test\.ts$/.exec(name)?.[1] ?? [],
  )
  expect(
    Object.keys(CAPABILITIES).toSorted(),
    'test/contracts/capabilities.ts against the files here',
  ).toEqual(fixture.toSorted())
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
