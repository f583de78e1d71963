import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { RequestContext } from './answers.ts'
import { MAX_INCOMING_BYTES, MAX_UPLOAD_BYTES, readBody } from './body.ts'

/** One buffer for all: what is counted is not what the test takes. */
const PIECE = Buffer.alloc(MAX_UPLOAD_BYTES)

function upload(): { readonly incoming: PassThrough; readonly body: Promise<Buffer> } {
  const incoming = new PassThrough({ highWaterMark: MAX_UPLOAD_BYTES })
  const context = { req: { header: () => undefined }, env: { incoming } } as unknown as RequestContext
  const body = readBody(context, MAX_UPLOAD_BYTES)
  body.catch(() => {})
  incoming.write(PIECE)
  return { incoming, body }
}

test('bodies that never end fill no more than their part of the memory, and give it back', async () => {
  const fitting = Math.floor(MAX_INCOMING_BYTES / MAX_UPLOAD_BYTES)
  const open = Array.from({ length: fitting }, upload)
  await new Promise((resolve) => setImmediate(resolve))
  await expect(upload().body).rejects.toMatchObject({ status: 503, code: 'busy' })
  open[0]!.incoming.end()
  expect((await open[0]!.body).length).toBe(PIECE.length)
  const next = upload()
  next.incoming.end()
  expect((await next.body).length).toBe(PIECE.length)
  for (const { incoming } of open.slice(1)) incoming.destroy()
  await Promise.allSettled(open.map(({ body }) => body))
  const again = Array.from({ length: fitting }, upload)
  for (const { incoming } of again) incoming.end()
  expect(await Promise.all(again.map(async ({ body }) => (await body).length))).toHaveLength(fitting)
})
