import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import type { RequestContext } from './answers.ts'
import {
  MAX_INCOMING_BYTES,
  MAX_INCOMING_BYTES_EACH,
  MAX_UPLOAD_BYTES,
  readBody,
  readJson,
  streamBody,
} from './body.ts'

/** One buffer for all: what is counted is not what the test takes. */
const PIECE = Buffer.alloc(MAX_UPLOAD_BYTES)

/** Enough clients that no share of one is the limit. */
const CLIENTS = 5

function contextOf(client: string, incoming: PassThrough): RequestContext {
  const context = { req: { header: () => undefined }, env: { incoming }, get: () => client }
  return context as unknown as RequestContext
}

function upload(client: string): { readonly incoming: PassThrough; readonly body: Promise<Buffer> } {
  const incoming = new PassThrough({ highWaterMark: MAX_UPLOAD_BYTES })
  const body = readBody(contextOf(client, incoming), MAX_UPLOAD_BYTES)
  body.catch(() => {})
  incoming.write(PIECE)
  return { incoming, body }
}

test('bodies that never end fill no more than their part of the memory, and give it back', async () => {
  const fitting = Math.floor(MAX_INCOMING_BYTES / MAX_UPLOAD_BYTES)
  const openAll = () => Array.from({ length: fitting }, (_, index) => upload(String(index % CLIENTS)))
  const open = openAll()
  await new Promise((resolve) => setImmediate(resolve))
  await expect(upload('another').body).rejects.toMatchObject({ status: 503, code: 'busy' })
  open[0]!.incoming.end()
  expect((await open[0]!.body).length).toBe(PIECE.length)
  const next = upload('another')
  next.incoming.end()
  expect((await next.body).length).toBe(PIECE.length)
  for (const { incoming } of open.slice(1)) incoming.destroy()
  await Promise.allSettled(open.map(({ body }) => body))
  const again = openAll()
  for (const { incoming } of again) incoming.end()
  expect(await Promise.all(again.map(async ({ body }) => (await body).length))).toHaveLength(fitting)
})

test('one client fills no more than its share, by bodies and uploads together, and leaves room to all others', async () => {
  const fitting = Math.floor(MAX_INCOMING_BYTES_EACH / MAX_UPLOAD_BYTES)
  const open = Array.from({ length: fitting - 1 }, () => upload('greedy'))
  const incoming = new PassThrough({ highWaterMark: MAX_UPLOAD_BYTES })
  incoming.write(PIECE)
  const streamed = streamBody(contextOf('greedy', incoming), MAX_UPLOAD_BYTES)
  expect((await streamed.next()).value).toHaveLength(PIECE.length)
  await expect(upload('greedy').body).rejects.toMatchObject({ status: 503, code: 'busy' })
  const other = upload('modest')
  other.incoming.end()
  expect(await other.body).toHaveLength(PIECE.length)
  await streamed.return(undefined)
  const next = upload('greedy')
  next.incoming.end()
  expect(await next.body).toHaveLength(PIECE.length)
  for (const { incoming: stuck } of open) stuck.destroy()
  await Promise.allSettled(open.map(({ body }) => body))
})

test('between the decoding of a large body and the building of its values others are served', async () => {
  const events: string[] = []
  const decode = vi.spyOn(TextDecoder.prototype, 'decode').mockImplementation(() => {
    events.push('decoded')
    setImmediate(() => events.push('served another'))
    return '{}'
  })
  const build = vi.spyOn(JSON, 'parse').mockImplementation(() => (events.push('built'), {}))
  try {
    const incoming = new PassThrough({ highWaterMark: MAX_UPLOAD_BYTES })
    const body = readJson(contextOf('one', incoming), MAX_UPLOAD_BYTES)
    incoming.end(Buffer.from(`{"text":"${'x'.repeat(MAX_UPLOAD_BYTES / 2)}"}`))
    await body
  } finally {
    decode.mockRestore()
    build.mockRestore()
  }
  expect(events).toEqual(['decoded', 'served another', 'built'])
})

test('between the joining of large bodies that end at the same time others are served', async () => {
  const events: string[] = []
  const whole = Buffer.concat.bind(Buffer)
  const concat = vi.spyOn(Buffer, 'concat').mockImplementation((chunks) => {
    events.push('joined')
    setImmediate(() => events.push('served another'))
    return whole(chunks)
  })
  try {
    const bodies = ['one', 'two'].map((client) => {
      const incoming = new PassThrough({ highWaterMark: MAX_UPLOAD_BYTES })
      const body = readBody(contextOf(client, incoming), MAX_UPLOAD_BYTES)
      for (let n = 0; n < 2; n++) incoming.write(Buffer.alloc(MAX_UPLOAD_BYTES / 4))
      incoming.end()
      return body
    })
    await Promise.all(bodies)
  } finally {
    concat.mockRestore()
  }
  expect(events).toEqual(['joined', 'served another', 'joined'])
})
