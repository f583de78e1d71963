import { expect, test } from 'vitest'
import { approvePairing } from '../../src/conversation/access/pairing-policy.ts'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryChannel, MessageFixture, type MessageFixtureOptions } from '../support/message-fixture.ts'

const guarded: MessageFixtureOptions = {
  messaging: {
    access: {
      operators: new Set(['chat:1']),
      channels: new Map([
        [
          'chat',
          {
            allowAll: false,
            allowedUsers: new Set(['7']),
            allowedGroups: new Set(),
            allowedChats: new Set(['team']),
            requireMention: true,
            trusted: false,
          },
        ],
      ]),
    },
  },
}

const privateChat = (id: string) => ({ id, kind: 'private', addressed: true }) as const
const group = (id: string, addressed: boolean) => ({ id, kind: 'group', addressed }) as const

function from(fixture: MessageFixture, personId: string, name: string | null, text: string) {
  const person = { id: personId, name }
  const item = fixture.message(text, { address: personId, person, chat: privateChat(personId) })
  return fixture.messaging.receiver.receive('chat', [item], [])
}

const codeIn = (text: string | undefined) => /approve chat ([A-HJ-NP-Z2-9]{8})$/.exec(text ?? '')?.[1]

test('a stranger reaches no model, and gets a pairing code at most once an hour', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ ...guarded, clock })
  for (let count = 0; count < 5; count++) await from(fixture, '99', 'Stranger', 'let me in')
  await fixture.rest()
  expect(fixture.sendChannel.texts('99')).toHaveLength(1)
  const code = codeIn(fixture.sendChannel.texts('99')[0])
  expect(code).toBeDefined()
  await fixture.pass(HOUR + MINUTE, 30 * MINUTE)
  await from(fixture, '99', 'Stranger', 'hello?')
  await fixture.rest()
  expect(fixture.sendChannel.texts('99')).toHaveLength(2)
  expect(codeIn(fixture.sendChannel.texts('99')[1])).not.toBe(code)
  expect(fixture.model.requests).toHaveLength(0)
  expect(JSON.stringify(await fixture.rows('99'))).not.toContain('let me in')
})

test('who takes the name of somebody allowed is a stranger all the same', async () => {
  await using fixture = await MessageFixture.start(guarded)
  await from(fixture, '7', 'Anna', 'it is me')
  await from(fixture, '98', 'Anna', 'it is me, too')
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['it is me'])
})

test('a person whom the operator approves has access from then on, also under a new name', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ ...guarded, clock })
  await from(fixture, '99', 'Stranger', 'hello')
  await fixture.rest()
  const code = codeIn(fixture.sendChannel.texts('99')[0])!
  const approval = await approvePairing(fixture.storage.pairings, 'chat', code, clock.now())
  expect(approval).toMatchObject({ kind: 'approved', personId: '99' })
  await from(fixture, '99', 'New Name', 'thank you')
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['thank you'])
})

test('guessing at codes locks the door: even the right one is refused for a while', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ ...guarded, clock })
  await from(fixture, '99', 'Stranger', 'hello')
  await fixture.rest()
  const code = codeIn(fixture.sendChannel.texts('99')[0])!
  for (let guess = 0; guess < 5; guess++) {
    const wrong = await approvePairing(fixture.storage.pairings, 'chat', `WRNG234${guess + 2}`, clock.now())
    expect(wrong.kind).toBe('unknown-code')
  }
  expect((await approvePairing(fixture.storage.pairings, 'chat', code, clock.now())).kind).toBe('locked')
  expect(await fixture.storage.pairings.isApproved('chat', '99')).toBe(false)
})

test('however many strangers hold a code, the next one gets one', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ ...guarded, clock })
  const replies = () => ids.flatMap((id) => fixture.sendChannel.texts(id)).length
  const ids = Array.from({ length: 500 }, (_, index) => `s${index}`)
  for (const id of ids) await from(fixture, id, null, 'hello')
  await fixture.rest()
  // What a flood of them is answered is bounded, and so is the time for which it keeps others waiting.
  expect(replies()).toBeGreaterThan(3)
  expect(replies()).toBeLessThanOrEqual(60)
  await fixture.pass(MINUTE, MINUTE)
  await from(fixture, '99', 'Ada', 'let me in')
  await fixture.rest()
  const code = codeIn(fixture.sendChannel.texts('99')[0])!
  const approval = await approvePairing(fixture.storage.pairings, 'chat', code, clock.now())
  expect(approval).toMatchObject({ kind: 'approved', personId: '99' })
})

test('in a group the bot hears only what is meant for it, and leaves strange groups alone', async () => {
  await using fixture = await MessageFixture.start(guarded)
  const say = (text: string, personId: string, chat: ReturnType<typeof group>) =>
    fixture.messaging.receiver.receive(
      'chat',
      [fixture.message(text, { address: chat.id, person: { id: personId, name: null }, chat })],
      [{ name: 'offset', value: '1' }],
    )
  await say('among ourselves', '50', group('team', false))
  await say('a token sk-ant-oat01-TESTTESTTESTTEST among ourselves', '50', group('team', false))
  await say('@bot hello', '50', group('team', true))
  await say('@bot in a strange group', '50', group('strange', true))
  await say('@bot from a friend in a strange group', '7', group('strange', true))
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['@bot hello', '@bot from a friend in a strange group'])
  expect(fixture.sendChannel.texts('strange')).toEqual(['answer to @bot from a friend in a strange group'])
  // The platform's position moves on past what was ignored.
  expect(await fixture.storage.inbox.cursor('chat', 'offset')).toBe('1')
})

test('with no person configured for a channel nobody has access', async () => {
  const nobody = { operators: new Set<string>(), channels: new Map() }
  const sendChannel = new MemoryChannel()
  await using fixture = await MessageFixture.start({
    sendChannels: [sendChannel],
    messaging: { access: nobody },
  })
  await fixture.say('a', 'hello')
  await fixture.rest()
  expect(fixture.model.requests).toHaveLength(0)
})
