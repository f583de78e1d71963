import type { Update } from 'grammy/types'
import { expect, test } from 'vitest'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import { parkUpdates, readUpdates } from './park-updates.ts'

const update = (id: number, text: string, replyTo?: string) =>
  ({
    update_id: id,
    message: { text, ...(replyTo === undefined ? {} : { reply_to_message: { text: replyTo } }) },
  }) as unknown as Update
const SECRET = `sk-ant-oat01-${'Ab3'.repeat(30)}`
const outline = (text: string, person = '501'): InboundEvent => ({
  kind: 'unread',
  address: '501',
  platformMessageId: '7',
  person: { id: person, name: null },
  chat: { id: '501', kind: 'private' },
  isEdit: false,
  raw: () => text,
  read: () => {
    throw new Error('it was read')
  },
})

async function parked(updates: readonly Update[], items: readonly InboundEvent[], strangers: string[] = []) {
  const receiver = new RecordingReceiver()
  for (const stranger of strangers) receiver.strangers.add(stranger)
  const item = await parkUpdates({ receiver, updates, items, cause: 'ended', at: 1 })
  if (item.kind !== 'parked') throw new Error('nothing was parked')
  return item.input
}

test('an update is kept as it came, with its place and whose words it holds, and read from that', async () => {
  const updates = [update(1001, 'hello')]
  const input = await parked(updates, [outline('hello')])
  expect(input).toMatchObject({ channel: 'telegram', place: '501', input: '1001', personId: '501', at: 1 })
  expect(readUpdates(input.raw)).toEqual(updates)
})

test('an album is kept as one', async () => {
  const updates = [update(1001, 'one'), update(1002, 'two')]
  const input = await parked(updates, [outline('one\ntwo')])
  expect(input.input).toBe('1001')
  expect(readUpdates(input.raw)).toEqual(updates)
})

test.each<[string, readonly Update[], readonly InboundEvent[], string[]]>([
  ['somebody without access', [update(1, 'hello')], [outline('hello', '777')], ['777']],
  ['a secret', [update(1, 'x')], [outline(SECRET)], []],
  ['a reply to a secret', [update(1, 'x', SECRET)], [outline('x')], []],
  ['what is not even to be outlined', [update(1, 'hello')], [], []],
  ['something very large', [update(1, 'x'.repeat(65 * 1024))], [outline('x')], []],
])('of %s only the id is kept', async (_what, updates, items, strangers) => {
  const input = await parked(updates, items, strangers)
  expect(input).toMatchObject({ input: '1', raw: null, personId: null })
  expect(readUpdates(input.raw)).toBeNull()
})
