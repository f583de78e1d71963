import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { HOUR } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageRig, type RigOptions } from '../support/message-rig.ts'

const SECRETS = [
  'sk-ant-oat01-TESTcanaryTESTcanaryTESTcanary',
  'here it is: sk-ant-api03-TESTcanaryTESTcanaryTEST ok?',
  'acTESTcode1234567890abcd#TESTstate1234567890abcdef',
  'https://platform.claude.com/oauth/code/callback?code=TESTcanarycode123&state=TESTcanarystate456',
  '/login acTESTcode1234567890abcd#TESTstate1234567890abcdef',
]

const chat = { id: 'a', kind: 'private', addressed: true } as const

async function everythingStored(rig: MessageRig): Promise<string> {
  const files = await Promise.all(
    ['', '-wal'].map((end) => readFile(`${rig.path}${end}`, 'latin1').catch(() => '')),
  )
  return files.join('')
}

test.each(SECRETS)('%s is never stored and never shown to the model; a hint is given', async (secret) => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  const item = rig.message(secret, { platformMessageId: 's1' })
  await rig.messaging.receiver.receive('chat', [item], [{ name: 'offset', value: '5' }])
  // The platform did not hear that it was taken.
  await rig.messaging.receiver.receive('chat', [item], [{ name: 'offset', value: '5' }])
  await rig.say('a', 'and now?')
  await rig.rest()
  const hints = rig.outlet.texts('a').filter((text) => text.includes('did not keep it'))
  expect(hints).toHaveLength(1)
  expect(rig.model.asked).toEqual(['and now?'])
  expect(JSON.stringify(rig.model.requests)).not.toContain('TEST')
  expect(await everythingStored(rig)).not.toMatch(/TEST(canary|code|state)/)
  expect(await rig.storage.inbox.cursor('chat', 'offset')).toBe('5')
})

test('delivered again after a crash it is treated the same, without a second hint', async () => {
  const options: RigOptions = {}
  const rig = await MessageRig.start(options)
  const item = rig.message(SECRETS[2]!, { platformMessageId: 's1' })
  await rig.messaging.receiver.receive('chat', [item], [])
  await rig.rest()
  await rig.crash()
  await using next = await MessageRig.start({ path: rig.path, outlets: [rig.outlet] })
  await next.messaging.receiver.receive('chat', [item], [])
  await next.rest()
  expect(rig.outlet.texts('a').filter((text) => text.includes('did not keep it'))).toHaveLength(1)
  expect(await everythingStored(next)).not.toMatch(/TEST(canary|code|state)/)
})

test('an edit that turns a held message into a secret withdraws it', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.gate.usageLimited(clock.now() + HOUR)
  const person = { id: 'person', name: null }
  await rig.messaging.receiver.receive('chat', [rig.message('harmless', { platformMessageId: 'm1' })], [])
  await rig.messaging.receiver.receive(
    'chat',
    [{ kind: 'edit', address: 'a', platformMessageId: 'm1', person, chat, text: SECRETS[0]! }],
    [],
  )
  await rig.pass(2 * HOUR)
  expect(rig.model.requests).toHaveLength(0)
  expect((await rig.rows('a')).find(({ text }) => text === 'harmless')).toMatchObject({ state: 'withdrawn' })
  expect(rig.outlet.texts('a').some((text) => text.includes('did not keep it'))).toBe(true)
  expect(await everythingStored(rig)).not.toContain('TESTcanary')
})

test('a stranger’s secret is not stored either', async () => {
  const nobody = { operators: new Set<string>(), channels: new Map() }
  await using rig = await MessageRig.start({ messaging: { access: nobody } })
  await rig.messaging.receiver.receive('chat', [rig.message(SECRETS[0]!)], [])
  await rig.rest()
  expect(await everythingStored(rig)).not.toContain('TESTcanary')
  expect(rig.outlet.texts('a').some((text) => text.includes('did not keep it'))).toBe(true)
})
