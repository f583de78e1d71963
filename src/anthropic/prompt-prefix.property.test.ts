import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture, type MessageFixtureOptions } from '../../test/support/message-fixture.ts'
import { KeptAnswers, type Shape } from '../../test/support/stores/kept-answers.ts'
import { assertProperty } from '../../test/support/test-chance.ts'
import { ModelRefusal, type ModelRequest } from '../conversation/model.ts'
import type { InboundEvent } from '../conversation/receiver.ts'
import type { Attachment } from '../inbox/message.ts'
import { HOUR, MINUTE } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'
import { jsonMember, jsonParts } from '../support/text/json-parts.ts'
import { bodyOf } from './request-body.ts'

const chat = fc.constantFrom('a', 'a', 'a', 'b')
const words = fc.integer({ min: 1, max: 300 })
/** What an answer consists of. */
const shape = fc.constantFrom<Shape>('plain', 'thought', 'called')

/** What becomes of what the provider compacts; slow: it is there when the next one is asked for. */
type Compactions = 'made' | 'slow' | 'failing'

/** What happens in the life of a conversation, and around it. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('say' as const), chat, words, shape }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('burst' as const), chat, words, shape }) },
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
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('no-pictures' as const), chat }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('taken-back' as const),
      chat,
      exchanges: fc.integer({ min: 1, max: 4 }),
      again: fc.boolean(),
    }),
  },
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
  { weight: 1, arbitrary: fc.constant({ kind: 'retention' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('summaries' as const), work: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('compactions' as const),
      are: fc.constantFrom<Compactions>('made', 'slow', 'failing'),
    }),
  },
)

/** What the gateway says of messages. */
const SAID = { zone: () => 'Europe/Berlin', groupContext: new Map([['chat', 5]]) }
const LINK = { words: 'here', address: 'https://example.org/docs' }

interface Asked {
  readonly system: string
  readonly messages: readonly string[]
  /** `message.block` of each breakpoint in the messages. */
  readonly marks: readonly string[]
}

test(
  'each request begins with the bytes of the one before it, or the gateway names the reason why not',
  () =>
    assertProperty(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        const clock = new FakeClock()
        const world = {
          soul: 'You are A.',
          summariesWork: true,
          summaries: 0,
          compactions: 'made' as Compactions,
          compacted: 0,
          refuses: null as 'all' | 'pictures' | null,
          chat: 'a',
          shape: 'plain' as Shape,
        }
        const kept = new KeptAnswers()
        const options: MessageFixtureOptions = {
          clock,
          messaging: { system: async () => world.soul, ...SAID },
          wrapInbox: (inbox) => kept.wrap(inbox),
        }
        /** What the model has seen of each chat up to its last answer, that included. */
        const last = new Map<string, Asked>()
        const taken = new Set<string>()
        const written = new Set<string>()
        const broken: string[] = []
        let reasons: string[] = []
        let finishSlow = () => {}
        let open: {
          readonly asked: Asked
          readonly answer: readonly string[]
          readonly chat: string
        } | null = null

        const judge = () => {
          if (!open) return
          const { asked, answer, chat: name } = open
          open = null
          const before = last.get(name)
          const [reason] = reasons
          const again = asked.messages.slice(0, -1)
          if (before) {
            const isWhole = again.length === before.messages.length
            const isSame = again.every((message, index) => message === before.messages[index])
            const continues = asked.system === before.system && (isWhole || taken.has(name)) && isSame
            if (!continues && reasons.length !== 1)
              broken.push(`another beginning for ${reasons.join() || 'no reason'}`)
            const isSilent = reason === undefined || ['new', 'model', 'effort'].includes(reason)
            // Where all was taken back nothing shows whether more would have been left out.
            if (continues && again.length > 0 && !isSilent) broken.push(`the same beginning, but "${reason}"`)
            const mark = asked.marks.at(-2)
            if (continues && isWhole && !written.has(prefixOf(again, mark)))
              broken.push(`marked ${mark}, where nothing was written`)
          } else if (reason !== 'new') broken.push(`the first request, but "${reason}"`)
          const first = asked.messages[0]!.startsWith(COMPACTED) ? 1 : 0
          const said = asked.messages.slice(first)
          if (said.some((message) => message.includes('"type":"compaction"')))
            broken.push('a compaction in the middle')
          if (reason !== undefined && said.some((message) => message.includes('"signature"')))
            broken.push(`a new epoch with thinking of an earlier one, for "${reason}"`)
          for (const [index, message] of said.entries()) {
            const role = index % 2 === 0 ? 'user' : 'assistant'
            if (!message.startsWith(`{"role":"${role}"`))
              broken.push(`message ${index} is not of the ${role}`)
          }
          for (const mark of asked.marks) written.add(prefixOf(asked.messages, mark))
          const messages = [...asked.messages, ...answer]
          // Where the last request of a turn with calls has written.
          const results = answer.findLastIndex((message) => message.startsWith('{"role":"user"'))
          if (results !== -1) written.add(prefixOf(messages, `${asked.messages.length + results}.0`))
          last.set(name, { ...asked, messages })
          taken.delete(name)
          reasons = []
        }

        const set = async (fixture: MessageFixture) => {
          // Room for a dozen turns.
          fixture.model.context = 11_000
          fixture.messaging.observer.subscribe((fact) => {
            if (fact.kind === 'epoch') reasons.push(fact.reason)
          })
          fixture.model.reply = (request) => {
            if (request.system?.startsWith('You keep the memory')) {
              if (!world.summariesWork) throw new TransientError('reset')
              return `Summary ${++world.summaries}.`
            }
            judge()
            const hasPictures = request.messages.some(({ attachments }) => attachments.length > 0)
            if (world.refuses === 'all' || (world.refuses === 'pictures' && hasPictures))
              throw new ModelRefusal('not-accepted')
            const text = kept.next(world.shape)
            open = { asked: readPrompt(request), answer: kept.bytesOf(text), chat: world.chat }
            return ` ${text}`
          }
          fixture.model.compact = async (request) => {
            if (world.compactions === 'failing') throw new TransientError('reset')
            const { model, conversation } = request
            const name = conversation!.slice('chat:'.length)
            const known = open?.chat === name ? open.asked : last.get(name)!
            const sent = readPrompt(request)
            const isSame = sent.messages.every((message, index) => message === known.messages[index])
            if (!isSame || sent.system !== known.system) broken.push('compacted what was not sent')
            const text = String(++world.compacted)
            const block = `{"type":"compaction","content":"${text}","signature":"s","10":1.50,"9":"\\u0000"}`
            finishSlow()
            if (world.compactions === 'slow') await new Promise<void>((resolve) => (finishSlow = resolve))
            const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }
            return { block, text, model, usage, modelMs: 1 }
          }
          fixture.model.gate = null
          await fixture.messaging.start()
        }

        await using first = await MessageFixture.open(options)
        await set(first)
        let fixture = first
        await using later = new AsyncDisposableStack()
        for (const [index, now] of steps.entries()) {
          world.refuses = null
          if ('chat' in now) world.chat = now.chat
          world.shape = 'shape' in now ? now.shape : 'plain'
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
              world.refuses = 'all'
              await fixture.say(now.chat, text)
              break
            case 'no-pictures':
              world.refuses = 'pictures'
              await fixture.say(now.chat, text)
              break
            case 'taken-back':
              kept.takeBack(now.chat, now.exchanges)
              taken.add(now.chat)
              if (now.again) await fixture.say(now.chat, 'once more')
              break
            case 'retention':
              await fixture.storage.conversations.retain({
                messagesBefore: 0,
                attachmentsBefore: clock.now() + 1,
                figuresBefore: 0,
              })
              break
            case 'command':
              await fixture.say(now.chat, now.text)
              break
            case 'restart':
              await fixture.crash()
              fixture = later.use(await MessageFixture.open({ ...options, path: first.path }))
              await set(fixture)
              break
            case 'soul':
              world.soul = world.soul === 'You are A.' ? 'You are B.' : 'You are A.'
              break
            case 'summaries':
              world.summariesWork = now.work
              break
            case 'compactions':
              world.compactions = now.are
              finishSlow()
          }
          await fixture.rest()
          judge()
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

/** The beginning of a conversation that was compacted. */
const COMPACTED = '{"role":"assistant","content":[{"type":"compaction",'

const MARK = /,"cache_control":\{[^}]*\}/g

/** The bytes of a prompt, and its breakpoints apart from them. */
function readPrompt(request: ModelRequest): Asked {
  const body = bodyOf(request, null)
  const messages = jsonParts(jsonMember(body, 'messages')!)
  const marks = messages.flatMap((message, place) =>
    jsonParts(jsonMember(message, 'content')!).flatMap((block, index) =>
      block.includes('"cache_control"') ? [`${place}.${index}`] : [],
    ),
  )
  return {
    system: (jsonMember(body, 'system') ?? '').replaceAll(MARK, ''),
    messages: messages.map((message) => message.replaceAll(MARK, '')),
    marks,
  }
}

/** What is written up to a breakpoint. */
function prefixOf(messages: readonly string[], mark: string | undefined): string {
  const message = Number(mark?.split('.')[0])
  return `${mark} ${messages.slice(0, message + 1).join()}`
}
