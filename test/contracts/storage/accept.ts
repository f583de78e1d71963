import { describe, expect, test } from 'vitest'
import { type Subject, command, message, OWNER, TELL, NEW } from './kit.ts'

export function acceptContract(subject: Subject): void {
  describe('accepting', () => {
    test('a message is there after it was accepted, with the cursor of its platform, also in a new process', async () => {
      const accepted = await subject.driver.acceptOne(message('1', { text: 'hello' }), {
        cursors: [{ channel: 'telegram', name: 'offset', value: '42' }],
      })
      expect(accepted).toMatchObject({ conversationId: 'telegram:7', state: 'received', duplicate: false })
      await subject.reopen()
      expect(await subject.driver.transcript()).toEqual(['user received: hello'])
      expect(await subject.driver.storage.inbox.cursor('telegram', 'offset')).toBe('42')
      expect(await subject.driver.storage.inbox.cursor('telegram', 'other')).toBeNull()
      expect(await subject.driver.storage.inbox.cursors('telegram')).toEqual([
        { name: 'offset', value: '42' },
      ])
    })

    test('the same message delivered twice is one message, also in one delivery and after it was answered', async () => {
      const { driver } = subject
      const [first, second] = await driver.accept([message('1'), message('1')])
      expect(second).toMatchObject({ duplicate: true, messageId: first!.messageId, state: 'received' })
      await driver.answer(await driver.mustLease())
      const third = await driver.acceptOne(message('1'))
      expect(third).toMatchObject({ duplicate: true, messageId: first!.messageId, state: 'answered' })
      expect(await driver.lease()).toBeNull()
    })

    test('the same id at another address is another message', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('1', { address: '8' })])
      expect((await driver.storage.inbox.counts()).received).toBe(2)
    })

    test('a command delivered twice takes effect once', async () => {
      const { driver } = subject
      await driver.acceptOne(command('1', NEW))
      await driver.acceptOne(message('2'))
      expect(await driver.acceptOne(command('1', NEW))).toMatchObject({
        duplicate: true,
        withdrawn: 0,
      })
      expect(await driver.transcript()).toEqual([
        'user answered: /new',
        'notice answered: done new',
        'user received: text 2',
      ])
    })

    test('of what is turned away only the id is kept, and it is answered once', async () => {
      const { driver } = subject
      const stranger = {
        kind: 'turned-away',
        channel: 'telegram',
        address: '9',
        platformMessageId: '5',
        reply: 'who are you?',
      } as const
      expect(await driver.acceptOne(stranger)).toMatchObject({
        messageId: null,
        duplicate: false,
        outbox: true,
      })
      expect(await driver.acceptOne(stranger)).toMatchObject({ duplicate: true, outbox: false })
      expect(await driver.acceptOne(message('5', { address: '9' }))).toMatchObject({
        duplicate: true,
        messageId: null,
      })
      expect(await driver.drain('telegram:9')).toEqual(['who are you?'])
    })

    test('a silent turn-away leaves no conversation behind', async () => {
      const { driver } = subject
      await driver.acceptOne({
        kind: 'turned-away',
        channel: 'telegram',
        address: '9',
        platformMessageId: '5',
        reply: null,
      })
      expect(await driver.storage.conversations.find('telegram', '9')).toBeNull()
    })

    const edit = (text: string) =>
      ({ kind: 'edit', channel: 'telegram', address: '7', platformMessageId: '1', text }) as const

    test.for(['received', 'held'] as const)('an edit changes the text of a %s message', async (state) => {
      const { driver } = subject
      await driver.acceptOne(message('1'), state === 'held' ? { outage: TELL } : {})
      expect(await driver.acceptOne(edit('better'))).toMatchObject({ state })
      expect((await driver.mustLease()).messages[0]!.text).toBe('better')
    })

    test('an edit after leasing changes nothing, and neither does one of an unknown message', async () => {
      const { driver } = subject
      expect(await driver.acceptOne(edit('too early'))).toMatchObject({ messageId: null, state: null })
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      expect(await driver.acceptOne(edit('too late'))).toMatchObject({ messageId: null, state: null })
      await driver.answer(lease)
      await driver.acceptOne(edit('much too late'))
      expect(await driver.transcript()).toEqual(['user answered: text 1', 'assistant answered: answer'])
    })

    test('a deletion withdraws a waiting message and nothing else', async () => {
      const { driver } = subject
      const deletion = (id: string) =>
        ({ kind: 'deletion', channel: 'telegram', address: '7', platformMessageId: id }) as const
      await driver.accept([message('1'), message('2')])
      const lease = await driver.mustLease()
      await driver.accept([deletion('1'), deletion('2')])
      await driver.answer(lease)
      expect(await driver.transcript()).toEqual([
        'user answered: text 1',
        'user withdrawn: text 2',
        'assistant answered: answer',
      ])
      expect(await driver.lease()).toBeNull()
    })

    test('attachments come back byte for byte, and the caller keeps its own', async () => {
      const { driver } = subject
      const bytes = new Uint8Array(100_000).map((_, index) => index % 251)
      const part = bytes.subarray(1_000, 51_000)
      await driver.acceptOne(
        message('1', { attachments: [{ mediaType: 'image/png', name: 'photo.png', bytes: part }] }),
      )
      const info = (await driver.mustLease()).messages[0]!.attachments[0]!
      expect(info).toMatchObject({ mediaType: 'image/png', name: 'photo.png', size: 50_000 })
      const stored = await driver.storage.inbox.attachment(info.id)
      expect(Buffer.from(stored!.bytes).equals(part)).toBe(true)
      expect(bytes.byteLength).toBe(100_000)
      expect(await driver.storage.inbox.attachment('unknown')).toBeNull()
      const { conversationId } = (await driver.storage.inbox.queue({ states: ['answering'], limit: 1 }))[0]!
      expect((await driver.storage.inbox.attachment(info.id, conversationId))?.name).toBe('photo.png')
      expect(await driver.storage.inbox.attachment(info.id, 'telegram:somebody else')).toBeNull()
    })

    test('a conversation continues at the new address under its old id', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.answer(await driver.mustLease())
      const moved = { kind: 'moved', channel: 'telegram', from: '7', to: '-1007' } as const
      expect(await driver.acceptOne(moved)).toMatchObject({ conversationId: 'telegram:7' })
      expect(await driver.acceptOne(moved)).toMatchObject({ conversationId: 'telegram:7' })
      expect((await driver.storage.outbox.head('telegram:7'))!.item.address).toBe('-1007')
      // The platform restarts its ids at the new address: the same id is another message there.
      const next = await driver.acceptOne(message('1', { address: '-1007', text: 'here now' }))
      expect(next).toMatchObject({ conversationId: 'telegram:7', duplicate: false })
      expect(await driver.acceptOne(message('1'))).toMatchObject({ duplicate: true })
      expect((await driver.mustLease()).history.map((row) => row.text)).toEqual(['text 1', 'answer'])
    })

    test('a conversation that began at the new address before the move was known is folded in', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1', { text: 'old question' }))
      await driver.answer(await driver.mustLease(), 'old answer', { blocks: '["old"]' })
      await driver.acceptOne(message('1', { address: '-1007', text: 'new question' }))
      await driver.answer(await driver.mustLease('telegram:-1007'), 'new answer', { blocks: '["new"]' })
      await driver.acceptOne(message('2', { address: '-1007', text: 'waiting question' }))
      const stale = await driver.mustLease('telegram:-1007')
      await driver.acceptOne({ kind: 'moved', channel: 'telegram', from: '7', to: '-1007' })
      expect(await driver.answer(stale)).toBe(false)
      const lease = await driver.mustLease()
      expect(lease.messages[0]!.text).toBe('waiting question')
      expect(lease.history.map((row) => row.text)).toEqual([
        'old question',
        'old answer',
        'new question',
        'new answer',
      ])
      // What the newer one's answers were given after is not before them any more.
      expect(lease.history.map((row) => row.blocks)).toEqual([null, '["old"]', null, null])
      expect(await driver.drain()).toEqual(['old answer', 'new answer'])
      expect(await driver.storage.conversations.find('telegram', '-1007')).toMatchObject({ id: 'telegram:7' })
    })

    test('a move of something unknown changes nothing', async () => {
      const { driver } = subject
      const moved = { kind: 'moved', channel: 'telegram', from: '1', to: '2' } as const
      expect(await driver.acceptOne(moved)).toMatchObject({ conversationId: null })
    })

    test('fifty callers at once get fifty messages in the order of their calls', async () => {
      const { driver } = subject
      await Promise.all(Array.from({ length: 50 }, (_, index) => driver.acceptOne(message(String(index)))))
      for (let index = 0; index < 50; index++) {
        const lease = await driver.mustLease()
        expect(lease.messages[0]!.platformMessageId).toBe(String(index))
        await driver.answer(lease)
      }
      expect(await driver.storage.inbox.recover(OWNER, driver.now)).toEqual([])
    })
  })
}
