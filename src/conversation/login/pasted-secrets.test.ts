import { expect, test } from 'vitest'
import { MessageFixture, type MessageFixtureOptions } from '../../../test/support/message-fixture.ts'
import type { AccessPolicy } from '../access/access.ts'
import type { Paste } from './pasted-secrets.ts'

const PASTE = `TESTcode0123456789#${'TESTstate1'.repeat(4)}abc`

/** What a whole reception hands on as pastes. */
async function received(
  deliver: (fixture: MessageFixture) => Promise<unknown>,
  options: MessageFixtureOptions = {},
): Promise<{ pastes: Paste[]; texts: string[]; rows: number }> {
  const pastes: Paste[] = []
  const onPaste = async (paste: Paste) => {
    pastes.push(paste)
    return paste.role === 'operator' ? 'taken' : null
  }
  await using fixture = await MessageFixture.start({
    ...options,
    messaging: { signIn: { expects: async () => false, onPaste }, ...options.messaging },
  })
  await deliver(fixture)
  await fixture.rest()
  return { pastes, texts: fixture.sendChannel.texts('a'), rows: fixture.model.requests.length }
}

const NOBODY: AccessPolicy = { operators: new Set(), channels: new Map() }
const unaddressed = { id: 'a', kind: 'group', addressed: false } as const
const SHORT_PAIR = 'CodeMirror#documentation'

test.each([
  ['an operator, whatever it is', 'operator', SHORT_PAIR, 1],
  ['anybody, a secret beyond doubt', 'somebody', PASTE, 1],
  ['anybody, a token', 'somebody', 'sk-ant-oat01-TESTTESTTEST', 1],
  ['anybody, what only looks like one', 'somebody', SHORT_PAIR, 0],
])('in a group where the bot is not spoken to: %s', async (_what, id, text, expected) => {
  const { pastes, texts, rows } = await received((fixture) =>
    fixture.messaging.receiver.receive(
      'chat',
      [fixture.message(text, { chat: unaddressed, person: { id, name: null } })],
      [],
    ),
  )
  expect(pastes).toHaveLength(expected)
  expect([texts, rows]).toEqual([[], 0])
})

test('a code that is edited into a message is taken as if it had been sent, and stored as little', async () => {
  const person = { id: 'operator', name: null }
  const chat = { id: 'a', kind: 'private', addressed: true } as const
  const { pastes, texts, rows } = await received(async (fixture) => {
    const edit = { kind: 'edit', address: 'a', platformMessageId: 'm1', person, chat, text: PASTE } as const
    await fixture.messaging.receiver.receive('chat', [edit], [])
    await fixture.messaging.receiver.receive('chat', [edit], [])
  })
  expect(pastes.map(({ platformMessageId, role }) => [platformMessageId, role])).toEqual([
    ['m1', 'operator'],
    ['m1', 'operator'],
  ])
  expect([texts, rows]).toEqual([['taken'], 0])
})

test.each([
  ['what only looks like a code', SHORT_PAIR, 0],
  ['a code beyond doubt', PASTE, 1],
])(
  'of a stranger’s edit, as of a message, no more is checked than whether it is a secret: %s',
  async (_what, text, expected) => {
    const person = { id: 'stranger', name: null }
    const chat = { id: 'a', kind: 'private', addressed: true } as const
    const { pastes, rows } = await received(
      async (fixture) => {
        const edit = { kind: 'edit', address: 'a', platformMessageId: 'm1', person, chat, text } as const
        await fixture.messaging.receiver.receive('chat', [edit], [])
      },
      { messaging: { access: NOBODY } },
    )
    expect([pastes.length, rows]).toEqual([expected, 0])
  },
)

test('every paste of a flood is removed, with few replies', async () => {
  const { pastes, texts } = await received(
    async (fixture) => {
      for (let count = 0; count < 60; count++) await fixture.say('a', PASTE)
    },
    { messaging: { ratePerPerson: 5 } },
  )
  expect(pastes).toHaveLength(60)
  expect(texts.length).toBeLessThanOrEqual(20)
})
