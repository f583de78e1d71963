import { Readable } from 'node:stream'
import type { FetchMessageObject, ImapFlow } from 'imapflow'
import { expect, test } from 'vitest'
import { summaryOf } from './mail-summary.ts'

test('a mail with a picture is loaded in one piece, not in dozens', async () => {
  const whole = Buffer.alloc(3_000_000, 'x')
  let pieces = 0
  const download = async (_range: string, _part: undefined, { chunkSize }: { chunkSize?: number }) => {
    pieces = Math.ceil(whole.length / (chunkSize ?? 64 * 1024))
    return { content: Readable.from([whole]) }
  }
  const mail = summaryOf({ uid: 1 } as FetchMessageObject, { download } as unknown as ImapFlow)
  expect(await mail.source()).toEqual(whole)
  expect(pieces).toBe(1)
})
