import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture } from '../../test/support/message-fixture.ts'
import type { MessageContext } from '../inbox/arrival.ts'
import { MINUTE } from '../support/clock.ts'

const FILLER = 'words '.repeat(400)

/** The reasons for new beginnings, as they come. */
function epochsOf(fixture: MessageFixture): string[] {
  const reasons: string[] = []
  fixture.messaging.observer.subscribe((fact) => {
    if (fact.kind === 'epoch') reasons.push(fact.reason)
  })
  return reasons
}

async function asks(fixture: MessageFixture, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await fixture.say('a', text)
    await fixture.rest()
  }
}

test('the provider keeps a conversation as long as its pauses are', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  await asks(fixture, 'one', 'two')
  await fixture.pass(20 * MINUTE, 20 * MINUTE)
  await asks(fixture, 'three')
  expect(fixture.model.requests.map(({ cache }) => cache)).toEqual([
    { ttl: '5m', scope: 'conversation' },
    { ttl: '5m', scope: 'conversation' },
    { ttl: '1h', scope: 'conversation' },
  ])
})

test('it keeps nothing where that is off, and nothing of what is asked for a summary', async () => {
  await using off = await MessageFixture.start({ messaging: { cache: 'off' } })
  await asks(off, 'one')
  expect(off.model.requests[0]!.cache).toBeNull()
  await using fixture = await MessageFixture.start()
  fixture.model.context = 9_000
  await asks(fixture, ...Array.from({ length: 5 }, (_, index) => `${index} ${FILLER}`))
  const isSummary = fixture.model.requests.map(({ system }) => system !== null)
  expect(isSummary).toContain(true)
  expect(fixture.model.requests.map(({ cache }) => cache === undefined)).toEqual(isSummary)
})

test('of a single question by a program it keeps the system prompt, of a conversation everything', async () => {
  await using fixture = await MessageFixture.start()
  const ask = async (context: Partial<MessageContext>) => {
    const whole = { system: 's', turns: [], stop: [], digest: 'd', model: null, maxTokens: null, ...context }
    const message = fixture.message('now', { context: whole })
    await fixture.messaging.receiver.receive('chat', [message], [])
    await fixture.rest()
    return fixture.model.requests.at(-1)!.cache
  }
  expect(await ask({})).toEqual({ ttl: '5m', scope: 'system' })
  const turns = [
    { role: 'user', text: 'a', attachments: [] },
    { role: 'assistant', text: 'b', attachments: [] },
  ] as const
  expect(await ask({ turns })).toEqual({ ttl: '5m', scope: 'conversation' })
})

test('the summary stands behind the system prompt, and begins the only other epoch', async () => {
  await using fixture = await MessageFixture.start({ messaging: { system: async () => 'Be kind.' } })
  const reasons = epochsOf(fixture)
  fixture.model.context = 11_000
  fixture.model.reply = (request) => (request.system === 'Be kind.' ? `re ${FILLER}` : 'They talked.')
  await asks(fixture, ...Array.from({ length: 4 }, (_, index) => `${index} ${FILLER}`))
  const last = fixture.model.requests.at(-1)!
  expect([last.system, last.chatSystem]).toEqual(['Be kind.', expect.stringContaining('They talked.')])
  expect(reasons).toEqual(['new', 'trim'])
})

test('another model, effort or system prompt, /new, and a full context each begin an epoch', async () => {
  let soul = 'Be kind.'
  await using fixture = await MessageFixture.start({ messaging: { system: async () => soul } })
  const reasons = epochsOf(fixture)
  await asks(fixture, 'one', 'two', '/model claude-other', 'three', '/effort low', 'four', '/status', 'five')
  soul = 'Be short.'
  await asks(fixture, 'six', '/new', 'seven', 'eight')
  expect(reasons).toEqual(['new', 'model', 'effort', 'system', 'new'])
  reasons.length = 0
  fixture.model.context = 9_600
  fixture.model.reply = () => FILLER
  await asks(fixture, 'nine', 'ten')
  expect(reasons).toEqual([])
  const asked = fixture.model.requests.length
  fixture.model.reply = () => {
    fixture.model.stopReason = fixture.model.requests.length > asked + 1 ? 'end_turn' : 'context_full'
    return 'so'
  }
  await asks(fixture, 'eleven')
  expect(reasons).toEqual(['trim'])
})
