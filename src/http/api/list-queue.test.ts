import { expect, test } from 'vitest'
import { memoryInputs } from '../../../test/support/memory-inputs.ts'
import type { MessageState, StoredMessage } from '../../inbox/message.ts'
import { parkedInput } from '../../inbox/parked-inputs.ts'
import { listQueue } from './list-queue.ts'

const WAITING: readonly MessageState[] = ['received', 'answering', 'held', 'parked']
const message = (id: string, at: number) =>
  ({ id, conversationId: 'web:main', state: 'parked', reason: 'bug', at, text: 'words' }) as StoredMessage

/** A queue of two messages, and two inputs between and after them. */
async function queue() {
  const inputs = memoryInputs()
  const known = { channel: 'telegram', reason: 'ended', raw: '[{"text":"words"}]', personId: '501' }
  const first = parkedInput({ ...known, place: '501', input: '1001', at: 2_000 })
  const second = parkedInput({ ...known, place: null, input: '1002', at: 4_000 })
  for (const input of [second, first]) await inputs.save(input)
  const inbox = { queue: async () => [message('m1', 1_000), message('m2', 3_000)] }
  return { inputs, inbox, first, second }
}

test('parked inputs are listed among the messages by their age, without any text', async () => {
  const { inputs, inbox, first, second } = await queue()
  const items = await listQueue({ inbox, inputs }, WAITING, 10)
  expect(items.map(({ id }) => id)).toEqual(['m1', first.id, 'm2', second.id])
  expect(items[0]).toEqual({
    id: 'm1',
    conversation: 'web:main',
    state: 'parked',
    reason: 'bug',
    at: '1970-01-01T00:00:01.000Z',
  })
  expect(items[1]).toEqual({
    id: first.id,
    conversation: 'telegram:501',
    state: 'parked',
    reason: 'ended',
    at: '1970-01-01T00:00:02.000Z',
    input: '1001',
  })
  expect(items[3]).toMatchObject({ conversation: 'telegram' })
  expect(JSON.stringify(items)).not.toContain('words')
  expect(await listQueue({ inbox, inputs }, WAITING, 2)).toEqual(items.slice(0, 2))
})

test('what is to be read again waits like a message that has just arrived', async () => {
  const { inputs, first, second } = await queue()
  const inbox = { queue: async () => [] }
  await inputs.retry(first.id)
  expect(await listQueue({ inbox, inputs }, ['parked'], 10)).toMatchObject([{ id: second.id }])
  expect(await listQueue({ inbox, inputs }, ['received'], 10)).toMatchObject([
    { id: first.id, state: 'received' },
  ])
  expect(await listQueue({ inbox, inputs }, ['held', 'answered'], 10)).toEqual([])
})
