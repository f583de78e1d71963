import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { HOUR } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture, type MessageFixtureOptions } from '../support/message-fixture.ts'

const SECRETS = [
  'sk-ant-oat01-TESTcanaryTESTcanaryTESTcanary',
  'here it is: sk-ant-api03-TESTcanaryTESTcanaryTEST ok?',
  'acTESTcode1234567890abcd#TESTstate1234567890abcdef',
  'https://platform.claude.com/oauth/code/callback?code=TESTcanarycode123&state=TESTcanarystate456',
  '/login acTESTcode1234567890abcd#TESTstate1234567890abcdef',
]

const chat = { id: 'a', kind: 'private', addressed: true } as const

async function everythingStored(fixture: MessageFixture): Promise<string> {
  const files = await Promise.all(
    ['', '-wal'].map((end) => readFile(`${fixture.path}${end}`, 'latin1').catch(() => '')),
  )
  return files.join('')
}

test.each(SECRETS)('%s is never stored and never shown to the model; a hint is given', async (secret) => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  const item = fixture.message(secret, { platformMessageId: 's1' })
  await fixture.messaging.receiver.receive('chat', [item], [{ name: 'offset', value: '5' }])
  // The platform did not hear that it was taken.
  await fixture.messaging.receiver.receive('chat', [item], [{ name: 'offset', value: '5' }])
  await fixture.say('a', 'and now?')
  await fixture.rest()
  const hints = fixture.sendChannel.texts('a').filter((text) => text.includes('did not keep it'))
  expect(hints).toHaveLength(1)
  expect(fixture.model.asked).toEqual(['and now?'])
  expect(JSON.stringify(fixture.model.requests)).not.toContain('TEST')
  expect(await everythingStored(fixture)).not.toMatch(/TEST(canary|code|state)/)
  expect(await fixture.storage.inbox.cursor('chat', 'offset')).toBe('5')
})

test('delivered again after a crash it is treated the same, without a second hint', async () => {
  const options: MessageFixtureOptions = {}
  const fixture = await MessageFixture.start(options)
  const item = fixture.message(SECRETS[2]!, { platformMessageId: 's1' })
  await fixture.messaging.receiver.receive('chat', [item], [])
  await fixture.rest()
  await fixture.crash()
  await using next = await MessageFixture.start({ path: fixture.path, sendChannels: [fixture.sendChannel] })
  await next.messaging.receiver.receive('chat', [item], [])
  await next.rest()
  expect(fixture.sendChannel.texts('a').filter((text) => text.includes('did not keep it'))).toHaveLength(1)
  expect(await everythingStored(next)).not.toMatch(/TEST(canary|code|state)/)
})

test('an edit that turns a held message into a secret withdraws it', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  const person = { id: 'person', name: null }
  await fixture.messaging.receiver.receive(
    'chat',
    [fixture.message('harmless', { platformMessageId: 'm1' })],
    [],
  )
  await fixture.messaging.receiver.receive(
    'chat',
    [{ kind: 'edit', address: 'a', platformMessageId: 'm1', person, chat, text: SECRETS[0]! }],
    [],
  )
  await fixture.pass(2 * HOUR)
  expect(fixture.model.requests).toHaveLength(0)
  expect((await fixture.rows('a')).find(({ text }) => text === 'harmless')).toMatchObject({
    state: 'withdrawn',
  })
  expect(fixture.sendChannel.texts('a').some((text) => text.includes('did not keep it'))).toBe(true)
  expect(await everythingStored(fixture)).not.toContain('TESTcanary')
})

test('a stranger’s secret is not stored either', async () => {
  const nobody = { operators: new Set<string>(), channels: new Map() }
  await using fixture = await MessageFixture.start({ messaging: { access: nobody } })
  await fixture.messaging.receiver.receive('chat', [fixture.message(SECRETS[0]!)], [])
  await fixture.rest()
  expect(await everythingStored(fixture)).not.toContain('TESTcanary')
  expect(fixture.sendChannel.texts('a').some((text) => text.includes('did not keep it'))).toBe(true)
})
