import { describe, expect, test } from 'vitest'
import type { Lease } from '../../../src/inbox/lease.ts'
import { call, ODD_JSON, step } from './journal.ts'
import { type Driver, type Subject, command, message, NEW, STOP } from './kit.ts'

const BLOCKS = `[{"role":"assistant","content":[${ODD_JSON}]}]`

/** The history that the next message is answered with. */
async function history(driver: Driver): Promise<Lease['history']> {
  await driver.acceptOne(message('last'))
  return (await driver.mustLease()).history
}

export function blocksContract(subject: Subject): void {
  describe('the blocks of an answer', () => {
    test('come back byte by byte with the history, and with nothing else', async () => {
      const large = `["${'x'.repeat(1_048_576)}"]`
      for (const [id, blocks] of [BLOCKS, large, null, undefined].entries()) {
        await subject.driver.acceptOne(message(String(id)))
        const over = blocks === undefined ? {} : { blocks }
        await subject.driver.answer(await subject.driver.mustLease(), `answer ${id}`, over)
      }
      await subject.reopen()
      const rows = await history(subject.driver)
      expect(rows.map(({ role, blocks }) => [role, blocks])).toEqual([
        ['user', null],
        ['assistant', BLOCKS],
        ['user', null],
        ['assistant', large],
        ['user', null],
        ['assistant', null],
        ['user', null],
        ['assistant', null],
      ])
      const { conversations } = subject.driver.storage
      const listed = await conversations.messages('telegram:7', { limit: 99, beforeSeq: null })
      const changed = await conversations.changes('telegram:7', 0, 99)
      expect(new Set([...listed, ...changed].map(({ blocks }) => blocks))).toEqual(new Set([null]))
    })

    test('come with the id that the provider gave it, which is in nobody’s export', async () => {
      const { driver } = subject
      for (const [id, over] of [{ responseId: 'msg_1' }, {}].entries()) {
        await driver.acceptOne(message(String(id)))
        await driver.answer(await driver.mustLease(), `answer ${id}`, over)
      }
      await subject.reopen()
      const rows = await history(subject.driver)
      const answers = rows.filter(({ role }) => role === 'assistant')
      expect(answers.map(({ about }) => about)).toEqual([{ responseId: 'msg_1' }, null])
      const { conversations } = subject.driver.storage
      const exported = JSON.stringify(await conversations.exportPerson('telegram', 'anna'))
      expect(exported).toContain('answer 0')
      expect(exported).not.toContain('msg_1')
    })

    test('do not count where the history is cut', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.answer(await driver.mustLease(), 'short', { blocks: `["${'x'.repeat(20_000)}"]` })
      expect((await history(driver)).map(({ text }) => text)).toEqual(['text 1', 'short'])
    })

    test.for<[string, (driver: Driver) => Promise<unknown>]>([
      ['itself', () => Promise.resolve()],
      ['by /stop', (driver) => driver.acceptOne(command('8', STOP))],
    ])('of a turn that was stopped %s are part of the history', async ([, stop]) => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await driver.storage.inbox.saveStep(lease, { step: step(0, [call('c1')]), terms: '{}' }, driver.now)
      await stop(driver)
      expect(await driver.finish(lease, { kind: 'stopped', text: 'half an ans', blocks: BLOCKS })).toBe(true)
      expect(await driver.finish(lease, { kind: 'stopped', text: 'half an ans', blocks: BLOCKS })).toBe(false)
      const rows = await history(driver)
      expect(rows.map(({ text, blocks }) => [text, blocks])).toEqual([
        ['text 1', null],
        ['half an ans', BLOCKS],
      ])
      const stored = await driver.storage.conversations.messages('telegram:7', { limit: 9, beforeSeq: null })
      const [asked] = stored
      const shown = stored.find(({ text }) => text === 'half an ans')!
      expect([asked!.state, asked!.answeredBy, shown.state]).toEqual(['withdrawn', shown.id, 'withdrawn'])
      expect(await driver.drain()).not.toContain('half an ans')
    })

    test('of a stopped turn are kept where nothing was shown', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.finish(await driver.mustLease(), { kind: 'stopped', text: '', blocks: BLOCKS })
      expect((await history(driver)).map(({ blocks }) => blocks)).toEqual([null, BLOCKS])
    })

    test.for<[string, (driver: Driver, lease: Lease) => Promise<unknown>]>([
      ['the history was cleared', (driver) => driver.acceptOne(command('8', NEW))],
      [
        'its message was deleted',
        async (driver) => {
          await driver.acceptOne(command('8', STOP, { personId: 'ben' }))
          await driver.storage.conversations.deletePerson('telegram', 'anna')
        },
      ],
    ])('of a stopped turn are not stored where %s since then', async ([, end]) => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await end(driver, lease)
      expect(await driver.finish(lease, { kind: 'stopped', text: 'half', blocks: BLOCKS })).toBe(true)
      expect(await history(driver)).toEqual([])
      const exported = JSON.stringify(await driver.storage.conversations.exportPerson('telegram', 'anna'))
      expect(exported).not.toContain('"assistant","content"')
    })

    test('and the steps of a turn are exported without what the model thought, and go with their person', async () => {
      const { driver } = subject
      const { conversations, inbox } = driver.storage
      const content = `[{"type":"thinking","thinking":"secretly","signature":"s"},
        {"type":"redacted_thinking","data":"secretly"},{"type":"text","text":"said openly"}]`
      await driver.acceptOne(message('1'))
      const blocks = `[{"role":"assistant","content":${content}}]`
      await driver.answer(await driver.mustLease(), 'said openly', { blocks })
      await driver.acceptOne(message('2'))
      const lease = await driver.mustLease()
      const stored = step(0, [call('c1', { input: '{"query":"looked up"}' })], `{"content":${content}}`)
      await inbox.saveStep(lease, { step: stored, terms: '{"system":"secretly"}' }, driver.now)
      await inbox.saveResult(lease, { index: 0, callId: 'c1', result: '{"content":"found"}' }, driver.now)
      const exported = await conversations.exportPerson('telegram', 'anna')
      const said = [{ type: 'text', text: 'said openly' }]
      expect(exported).toMatchObject({
        conversations: [
          {
            messages: [
              { text: 'text 1' },
              { text: 'said openly', blocks: [{ role: 'assistant', content: said }] },
              {
                text: 'text 2',
                steps: [
                  {
                    response: { content: said },
                    calls: [
                      {
                        tool: 'web_search',
                        input: '{"query":"looked up"}',
                        result: '{"content":"found"}',
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      })
      expect(JSON.stringify(exported)).not.toContain('secretly')
      expect(await conversations.deletePerson('telegram', 'anna')).toBe(3)
      expect([await subject.rowsOf('steps'), await subject.rowsOf('messages')]).toEqual([0, 0])
    })
  })
}
