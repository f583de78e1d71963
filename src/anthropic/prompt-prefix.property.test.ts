import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture, type MessageFixtureOptions } from '../../test/support/message-fixture.ts'
import { assertProperty } from '../../test/support/test-chance.ts'
import { ModelRefusal, type ModelRequest } from '../conversation/model.ts'
import type { InboundEvent } from '../conversation/receiver.ts'
import type { Attachment } from '../inbox/message.ts'
import { HOUR, MINUTE } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'
import { promptOf } from './prompt.ts'

const chat = fc.constantFrom('a', 'a', 'a', 'b')
const words = fc.integer({ min: 1, max: 300 })

/** What happens in the life of a conversation, and around it. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('say' as const), chat, words }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('burst' as const), chat, words }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('held' as const), chat, words, edit: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('picture' as const),
      chat,
      count: fc.integer({ min: 1, max: 9 }),
      bytes: fc.constantFrom(10, 300_000, 3_000_000),
      text: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('quoting' as const), chat, words, heard: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('later' as const), hours: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refused' as const), chat }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('command' as const),
      chat,
      text: fc.constantFrom('/status', '/help', '/usage', '/new', '/model claude-other', '/effort low'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'soul' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('summaries' as const), work: fc.boolean() }) },
)

/** What the gateway says of messages. */
const SAID = { zone: 'Europe/Berlin', groupContext: new Map([['chat', 5]]) }
const LINK = { words: 'here', address: 'https://example.org/docs' }

interface Asked {
  readonly system: string
  readonly messages: readonly string[]
  /** `message.block` of each breakpoint in the messages. */
  readonly marks: readonly string[]
  answered: boolean
}

test(
  'each request begins with the bytes of the one before it, or the gateway names the reason why not',
  () =>
    assertProperty(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        const clock = new FakeClock()
        const world = { soul: 'You are A.', summariesWork: true, summaries: 0, refuses: false, chat: 'a' }
        const options: MessageFixtureOptions = {
          clock,
          messaging: { system: async () => world.soul, ...SAID },
        }
        const last = new Map<string, Asked>()
        const gone = { restarted: new Set<string>(), soul: new Set<string>() }
        const broken: string[] = []
        let reasons: string[] = []
        let isAgain = false

        const judge = (request: ModelRequest): Asked => {
          const asked = readPrompt(request)
          const before = last.get(world.chat)
          const [reason] = reasons
          if (before) {
            const kept = before.answered ? before.messages : before.messages.slice(0, -1)
            const sameMessages = kept.every((message, index) => asked.messages[index] === message)
            const unnoticed = gone.restarted.has(world.chat) && gone.soul.has(world.chat)
            const continues = sameMessages && (asked.system === before.system || unnoticed)
            if (!continues && reasons.length !== 1)
              broken.push(`another beginning for ${reasons.join() || 'no reason'}`)
            const isSilent = reason === undefined || ['new', 'model', 'effort'].includes(reason)
            if (continues && before.answered && !isSilent) broken.push(`the same beginning, but "${reason}"`)
            if (continues && before.answered && before.marks.at(-1) !== asked.marks.at(-2))
              broken.push(`marked ${before.marks.at(-1)} last, then ${asked.marks.at(-2)} as that`)
          } else if (reason !== 'new') broken.push(`the first request, but "${reason}"`)
          last.set(world.chat, asked)
          gone.restarted.delete(world.chat)
          gone.soul.delete(world.chat)
          reasons = []
          return asked
        }

        const set = async (fixture: MessageFixture) => {
          // Room for a dozen turns.
          fixture.model.context = 16_000
          fixture.messaging.observer.subscribe((fact) => {
            if (fact.kind === 'epoch') reasons.push(fact.reason)
          })
          fixture.model.reply = (request) => {
            if (request.system?.startsWith('You keep the memory')) {
              if (!world.summariesWork) throw new TransientError('reset')
              return `Summary ${++world.summaries}.`
            }
            // Without the pictures of earlier turns, once more: the turn was judged by its first request.
            const asked = isAgain ? null : judge(request)
            isAgain = world.refuses
            if (world.refuses) throw new ModelRefusal('not-accepted')
            if (asked) asked.answered = true
            return ` answer ${request.messages.length} ${'words '.repeat(80)}`
          }
          fixture.model.gate = null
          await fixture.messaging.start()
        }

        await using first = await MessageFixture.open(options)
        await set(first)
        let fixture = first
        await using later = new AsyncDisposableStack()
        for (const [index, now] of steps.entries()) {
          isAgain = false
          world.refuses = false
          if ('chat' in now) world.chat = now.chat
          const text = `${index} ${'words '.repeat('words' in now ? now.words : 1)}`
          switch (now.kind) {
            case 'say':
              await fixture.say(now.chat, text)
              break
            case 'burst':
              await fixture.say(now.chat, text, `and ${text}`)
              break
            case 'held': {
              fixture.gate.usageLimited(clock.now() + HOUR)
              const address = {
                address: now.chat,
                chat: { id: now.chat, kind: 'private', addressed: true },
              } as const
              const files = [async () => picture(index, 10)]
              const one = fixture.message(text, address)
              const two = fixture.message('', { ...address, attachments: files })
              const three = fixture.message(`and ${text}`, address)
              await fixture.messaging.receiver.receive('chat', [one, two, three], [])
              if (now.edit) {
                const person = { id: 'person', name: 'A Person' }
                const { platformMessageId } = one as Extract<InboundEvent, { kind: 'message' }>
                const edit: InboundEvent = {
                  kind: 'edit',
                  ...address,
                  person,
                  platformMessageId,
                  text: 'better',
                }
                await fixture.messaging.receiver.receive('chat', [edit], [])
              }
              await fixture.pass(HOUR + MINUTE, 10 * MINUTE)
              break
            }
            case 'picture': {
              const attachments = Array.from(
                { length: now.count },
                () => async () => picture(index, now.bytes),
              )
              const address = {
                address: now.chat,
                chat: { id: now.chat, kind: 'private', addressed: true },
              } as const
              const message = fixture.message(now.text ? text : '', { ...address, attachments })
              await fixture.messaging.receiver.receive('chat', [message], [])
              break
            }
            case 'quoting': {
              const heard = fixture.message('between others', {
                address: now.chat,
                chat: { id: now.chat, kind: 'group', addressed: false },
              })
              const quoting = fixture.message(text, {
                address: now.chat,
                chat: { id: now.chat, kind: 'group', addressed: true },
                about: { quotes: [{ kind: 'reply', from: 'Ben', text: `"hi"\n${text}` }], links: [LINK] },
              })
              await fixture.messaging.receiver.receive('chat', now.heard ? [heard, quoting] : [quoting], [])
              break
            }
            case 'later':
              await fixture.pass(now.hours * HOUR, HOUR)
              break
            case 'refused':
              world.refuses = true
              await fixture.say(now.chat, text)
              break
            case 'command':
              await fixture.say(now.chat, now.text)
              break
            case 'restart':
              await fixture.crash()
              for (const name of last.keys()) gone.restarted.add(name)
              fixture = later.use(await MessageFixture.open({ ...options, path: first.path }))
              await set(fixture)
              break
            case 'soul':
              world.soul = world.soul === 'You are A.' ? 'You are B.' : 'You are A.'
              for (const name of last.keys()) gone.soul.add(name)
              break
            case 'summaries':
              world.summariesWork = now.work
          }
          await fixture.rest()
        }
        expect(broken).toEqual([])
      }),
      { numRuns: 8, endOnFailure: true },
    ),
  120_000,
)

function picture(index: number, bytes: number): Attachment {
  return { mediaType: 'image/png', name: `${index}.png`, bytes: new Uint8Array(bytes).fill(index) }
}

/** The bytes of a prompt, and its breakpoints apart from them. */
function readPrompt(request: ModelRequest): Asked {
  const { system, messages } = promptOf(request)
  const bytes = (value: unknown) =>
    JSON.stringify(value, (key, inner: unknown) => (key === 'cache_control' ? undefined : inner))
  const marks = messages.flatMap(({ content }, message) =>
    (Array.isArray(content) ? content : []).flatMap((block, index) =>
      'cache_control' in block ? [`${message}.${index}`] : [],
    ),
  )
  return { system: bytes(system ?? null), messages: messages.map(bytes), marks, answered: false }
}
