import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MessageFixture } from '../../../test/support/message-fixture.ts'
import type { MessageContext } from '../../inbox/arrival.ts'
import { MINUTE } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'
import { ModelSettings } from '../model-settings.ts'
import { ModelRefusal } from '../model.ts'

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

test('the summary begins the messages of the only other epoch, and the system prompt stays', async () => {
  await using fixture = await MessageFixture.start({ messaging: { system: async () => 'Be kind.' } })
  const reasons = epochsOf(fixture)
  fixture.model.context = 11_000
  fixture.model.reply = (request) => (request.system === 'Be kind.' ? `re ${FILLER}` : 'They talked.')
  await asks(fixture, ...Array.from({ length: 4 }, (_, index) => `${index} ${FILLER}`))
  const last = fixture.model.requests.at(-1)!
  const summary = expect.stringContaining('They talked.')
  expect([last.system, last.messages[0]!.before]).toEqual(['Be kind.', [summary]])
  expect(reasons).toEqual(['new', 'trim'])
})

test('a summary that could not be made before begins an epoch, and no turn is left out in the meantime', async () => {
  await using fixture = await MessageFixture.start({ messaging: { system: async () => 'Be kind.' } })
  const reasons = epochsOf(fixture)
  fixture.model.gate = null
  fixture.model.context = 13_000
  let works = false
  fixture.model.reply = (request) => {
    if (request.system === 'Be kind.') return `re ${FILLER}`
    if (!works) throw new TransientError('reset')
    return 'They talked.'
  }
  const asked = () => fixture.model.requests.filter(({ system }) => system === 'Be kind.').at(-1)!.messages
  await asks(fixture, ...Array.from({ length: 6 }, (_, index) => `${index} ${FILLER}`))
  expect(reasons).toEqual(['new', 'trim'])
  const before = asked()
  expect(before[0]!.before).toEqual(['(Earlier messages of this conversation were left out.)'])
  works = true
  await asks(fixture, 'now')
  expect(reasons).toEqual(['new', 'trim', 'summary'])
  expect(asked()[0]!.before).toEqual([expect.stringContaining('They talked.')])
  expect(asked()[0]!.text).toBe(before[0]!.text)
})

test('what was changed while no process ran begins an epoch, and a restart alone does not', async () => {
  const restarted = async (path: string, system: string) => {
    const fixture = await MessageFixture.start({ path, messaging: { system: async () => system } })
    return [fixture, epochsOf(fixture)] as const
  }
  await using first = await MessageFixture.start({ messaging: { system: async () => 'Be kind.' } })
  await asks(first, 'one')
  await first.crash()
  {
    const [fixture, reasons] = await restarted(first.path, 'Be kind.')
    await using _ = fixture
    await asks(fixture, 'two')
    expect(reasons).toEqual([])
  }
  const [fixture, reasons] = await restarted(first.path, 'Be short.')
  await using _ = fixture
  await asks(fixture, 'three', 'four')
  expect(reasons).toEqual(['system'])
  expect(fixture.model.requests.map(({ system }) => system)).toEqual(['Be short.', 'Be short.'])
})

test('pictures past their retention are named from the next turn on', async () => {
  await using fixture = await MessageFixture.start()
  const reasons = epochsOf(fixture)
  const picture = { mediaType: 'image/png', name: 'cat.png', bytes: new Uint8Array(3) }
  const message = fixture.message('look', { attachments: [async () => picture] })
  await fixture.messaging.receiver.receive('chat', [message], [])
  await fixture.rest()
  await asks(fixture, 'one')
  const at = fixture.clock.now() + MINUTE
  await fixture.storage.conversations.retain({ messagesBefore: 0, attachmentsBefore: at, figuresBefore: 0 })
  await asks(fixture, 'two', 'three')
  expect(reasons).toEqual(['new', 'attachments'])
  const [first] = fixture.model.requests.at(-1)!.messages
  expect(first).toEqual({
    role: 'user',
    text: 'look\n[attachment that is not shown: cat.png]',
    attachments: [],
  })
})

test('a picture that is refused is named from then on, and asked about once', async () => {
  await using fixture = await MessageFixture.start()
  const reasons = epochsOf(fixture)
  const picture = { mediaType: 'image/png', name: 'cat.png', bytes: new Uint8Array(3) }
  const message = fixture.message('look', { attachments: [async () => picture] })
  await fixture.messaging.receiver.receive('chat', [message], [])
  await fixture.rest()
  fixture.model.reply = ({ messages }) => {
    if (messages.some(({ attachments }) => attachments.length > 0)) throw new ModelRefusal('not-accepted')
    return 'fine'
  }
  const before = fixture.model.requests.length
  await asks(fixture, 'one', 'two')
  expect(reasons).toEqual(['new', 'attachments'])
  expect(fixture.model.requests.length - before).toBe(3)
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

test('the system prompt of a chat follows the shared one, there alone, and each is enough', async () => {
  const settings = new ModelSettings({
    config: { default: 'claude-test', maxTokens: 4_096, contextLength: 200_000, effort: 'auto' },
    overrides: {
      'chat:a': { model: null, effort: null, systemPrompt: 'Here speak French.', budgetDay: null },
    },
    models: { current: () => ({ source: 'built-in', fetchedAt: null, models: [] }), find: () => null },
    warn() {},
  })
  let soul: string | null = 'You are Hermes.'
  await using fixture = await MessageFixture.start({ messaging: { settings, system: async () => soul } })
  await fixture.say('a', 'one')
  await fixture.rest()
  await fixture.say('b', 'two')
  await fixture.rest()
  soul = null
  await fixture.say('a', 'three')
  await fixture.rest()
  expect(fixture.model.requests.map(({ system }) => system)).toEqual([
    'You are Hermes.\n\nHere speak French.',
    'You are Hermes.',
    'Here speak French.',
  ])
})
