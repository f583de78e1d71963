import { describe, expect, test } from 'vitest'
import { post, startTestGateway } from '../../../test/support/web/http-gateway.ts'
import { WebChannel } from '../../channels/web/web-channel.ts'
import { systemClock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'

const messages = '/api/conversations/kitchen/messages'
/** The smallest PNG there is. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

describe('posting a message', () => {
  test('is answered with 202 and its state, and is read back as the documents say', async () => {
    await using gateway = await startTestGateway()
    const response = await gateway.call(messages, post({ text: 'Hello  there\n', messageId: 'm-1' }))
    expect(response.status).toBe(202)
    const { id, state } = (await response.json()) as { id: string; state: string }
    expect(state).toBe('received')
    gateway.chat.change('web:kitchen', id, { state: 'answered' })
    gateway.chat.add('web:kitchen', { text: 'Hi.', preface: '(Replying to your message from 2 h ago)' })
    const { items } = (await (await gateway.call(messages)).json()) as {
      items: Array<Record<string, unknown>>
    }
    expect(items).toMatchObject([
      {
        id,
        role: 'user',
        text: 'Hello  there\n',
        state: 'answered',
        at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      { role: 'assistant', text: '(Replying to your message from 2 h ago)\n\nHi.', state: 'answered' },
    ])
  })

  test('is read in pages that are bounded by bytes too, and none is left out', async () => {
    await using gateway = await startTestGateway()
    const rows = Array.from({ length: 150 }, (_, n) => ({ text: `${n} ${'x'.repeat(n * 1_000)}` }))
    for (const row of rows) gateway.chat.add('web:kitchen', row)
    gateway.chat.add('web:kitchen', { text: 'y'.repeat(3 * 1024 * 1024) })
    const read: string[] = []
    const sizes: number[] = []
    let largest = 0
    for (let before = ''; ;) {
      const body = await (await gateway.call(`${messages}?limit=30${before}`)).text()
      const page = JSON.parse(body) as { items: { text: string; seq: number }[]; hasEarlier: boolean }
      read.unshift(...page.items.map(({ text }) => text.split(' ')[0]!.slice(0, 3)))
      sizes.push(page.items.length)
      largest = Math.max(largest, page.items.length > 1 ? body.length : 0)
      if (!page.hasEarlier) break
      before = `&before=${page.items[0]!.seq}`
    }
    expect(read).toEqual([...rows.map((_, n) => String(n)), 'yyy'])
    expect(sizes[0]).toBe(1)
    expect(Math.max(...sizes)).toBe(30)
    expect(largest).toBeLessThan(1.1 * 1024 * 1024)
  })

  test('a web chat that is switched off takes nothing and says so', async () => {
    const channel = new WebChannel(systemClock, false)
    await using gateway = await startTestGateway({ services_: { chat: channel } })
    for (const path of [
      messages,
      messages.replace('messages', 'stop'),
      messages.replace('messages', 'attachments'),
    ]) {
      const response = await gateway.call(path, post({ text: 'Hello' }))
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ error: { code: 'channel-off' } })
    }
    expect((await gateway.call(messages)).status).toBe(200)
  })

  test('the same messageId again is the same message', async () => {
    await using gateway = await startTestGateway()
    const first = await (await gateway.call(messages, post({ text: 'a', messageId: 'm' }))).json()
    const second = await gateway.call(messages, post({ text: 'a', messageId: 'm' }))
    expect([second.status, await second.json()]).toEqual([202, first])
    const elsewhere = await gateway.call(
      '/api/conversations/other/messages',
      post({ text: 'a', messageId: 'm' }),
    )
    expect(await elsewhere.json()).not.toEqual(first)
    expect(gateway.chat.rows('web:kitchen')).toHaveLength(1)
  })

  test('written by somebody else than who is signed in, it is refused, and so is a file of it', async () => {
    await using gateway = await startTestGateway()
    const { id } = (await (await gateway.call('/api/principal')).json()) as { id: string }
    const send = async (writer: string) => {
      const { headers, ...message } = post({ text: 'a' })
      return await gateway.call(messages, {
        ...message,
        headers: { ...(headers as Record<string, string>), 'hermes-principal': writer },
      })
    }
    const refused = await send('somebody-else')
    expect(refused.status).toBe(409)
    expect(await refused.json()).toMatchObject({ error: { code: 'other-principal' } })
    const file = await gateway.call('/api/conversations/kitchen/attachments?name=a.png', {
      method: 'POST',
      body: 'bytes',
      headers: { 'hermes-principal': 'somebody-else' },
    })
    expect(file.status).toBe(409)
    expect(gateway.chat.rows('web:kitchen')).toEqual([])
    expect((await send(id)).status).toBe(202)
  })

  test('while an outage lasts it is held, and 429 once the hold is full', async () => {
    await using gateway = await startTestGateway()
    gateway.chat.outcome = { state: 'held' }
    expect(await (await gateway.call(messages, post({ text: 'a' }))).json()).toMatchObject({ state: 'held' })
    gateway.chat.outcome = { state: 'refused', holdFull: true }
    const full = await gateway.call(messages, post({ text: 'b' }))
    expect(full.status).toBe(429)
    expect(full.headers.get('retry-after')).not.toBeNull()
  })

  test('what must not be stored has no id', async () => {
    await using gateway = await startTestGateway()
    gateway.chat.outcome = { messageId: null, state: null }
    const response = await gateway.call(messages, post({ text: 'code#state' }))
    expect([response.status, await response.json()]).toEqual([202, { id: null, state: 'refused' }])
  })

  test('is read a few pages at a time, each little more than is shown, however many ask', async () => {
    await using gateway = await startTestGateway()
    for (let n = 0; n < 60; n++) gateway.chat.add('web:kitchen', { text: 'z'.repeat(64 * 1024) })
    const read = gateway.chat.messages.bind(gateway.chat)
    let reading = 0
    let mostReading = 0
    let mostRows = 0
    gateway.chat.messages = async (...args) => {
      mostReading = Math.max(mostReading, ++reading)
      await new Promise((resolve) => setTimeout(resolve, 20))
      const rows = await read(...args)
      mostRows = Math.max(mostRows, rows.length)
      reading--
      return rows
    }
    const answers = await Promise.all(Array.from({ length: 40 }, () => gateway.call(messages)))
    const counts = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as { items: unknown[] }).items.length),
    )
    expect(new Set(counts)).toEqual(new Set([15]))
    expect(mostReading).toBeLessThanOrEqual(4)
    expect(mostRows).toBe(16)
  })

  test('a store that takes nothing is 503, never 202', async () => {
    await using gateway = await startTestGateway()
    gateway.chat.failure = new StoreError('disk full at /secret/place')
    const response = await gateway.call(messages, post({ text: 'a' }))
    expect(response.status).toBe(503)
    expect(await response.text()).not.toContain('/secret/place')
  })

  test.each([
    ['no JSON', 'hello', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['no text', '{}', 400],
    ['blank text', '{"text":" \\n"}', 400],
    ['a control character', '{"text":"\\u0007"}', 400],
    ['a number', '{"text":1}', 400],
    ['half a character', '{"text":"\\ud800"}', 400],
    ['an empty messageId', '{"text":"a","messageId":""}', 400],
    ['a messageId that is no string', '{"text":"a","messageId":7}', 400],
    ['an endless messageId', JSON.stringify({ text: 'a', messageId: 'x'.repeat(129) }), 400],
    ['attachments that are no ids', '{"text":"a","attachments":["../../etc/passwd"]}', 400],
    ['64 KiB', JSON.stringify({ text: 'x'.repeat(65_536) }), 202],
    ['a byte more', JSON.stringify({ text: 'x'.repeat(65_537) }), 413],
    ['as many characters, but more bytes', JSON.stringify({ text: 'é'.repeat(40_000) }), 413],
    ['a deep nest', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 400],
  ])('%s', async (_what, body, expected) => {
    await using gateway = await startTestGateway()
    const headers = { 'content-type': 'application/json' }
    expect((await gateway.call(messages, { method: 'POST', headers, body })).status).toBe(expected)
  })

  test('is taken whatever type a simple client says it has', async () => {
    await using gateway = await startTestGateway()
    const body = '{"text":"a"}'
    expect((await gateway.call(messages, { method: 'POST', body })).status).toBe(202)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await gateway.call(messages, { method: 'POST', headers, body })).status).toBe(202)
  })

  test.each(['a b', 'ä', 'x'.repeat(129), '%00', '..%2f..%2fetc', 'a\\b'])(
    'a conversation cannot be called %s',
    async (id) => {
      await using gateway = await startTestGateway()
      const response = await gateway.call(`/api/conversations/${id}/messages`, post({ text: 'a' }))
      expect([400, 404]).toContain(response.status)
    },
  )
})

describe('reading', () => {
  test('goes back page by page', async () => {
    await using gateway = await startTestGateway()
    for (let n = 1; n <= 5; n++) gateway.chat.add('web:kitchen', { text: String(n) })
    const page = async (query: string) => {
      const body = (await (await gateway.call(messages + query)).json()) as {
        items: Array<{ text: string; seq: number }>
        revision: number
      }
      return {
        texts: body.items.map((item) => item.text),
        first: body.items[0]?.seq,
        revision: body.revision,
      }
    }
    const last = await page('?limit=2')
    expect(last).toMatchObject({ texts: ['4', '5'], revision: 5 })
    expect((await page(`?limit=2&before=${last.first}`)).texts).toEqual(['2', '3'])
    expect((await gateway.call(`${messages}?limit=-1`)).status).toBe(400)
    expect((await gateway.call(`${messages}?before=x`)).status).toBe(400)
  })

  test('lists the conversations of this channel, newest first', async () => {
    await using gateway = await startTestGateway()
    gateway.chat.add('web:a', { role: 'user', text: 'first', at: 1 })
    gateway.chat.add('web:b', { role: 'user', text: 'second', at: 2 })
    gateway.chat.add('telegram:1', { role: 'user', text: 'elsewhere', at: 3 })
    expect(await (await gateway.call('/api/conversations')).json()).toMatchObject({
      items: [
        { id: 'b', preview: 'second', lastAt: '1970-01-01T00:00:00.002Z' },
        { id: 'a', preview: 'first' },
      ],
    })
  })

  test('a conversation that nobody began is empty', async () => {
    await using gateway = await startTestGateway()
    expect(await (await gateway.call('/api/conversations/new/messages')).json()).toEqual({
      items: [],
      hasEarlier: false,
      revision: 0,
    })
  })
})

test('stop goes the way of every message, so that it is durable too', async () => {
  await using gateway = await startTestGateway()
  expect((await gateway.call('/api/conversations/a/stop', { method: 'POST' })).status).toBe(202)
  expect(gateway.chat.rows('web:a')[0]!.text).toBe('/stop')
})

describe('attachments', () => {
  const upload = '/api/conversations/kitchen/attachments'

  test('are uploaded separately, named in the message, and shown again afterwards', async () => {
    await using gateway = await startTestGateway()
    const sent = await gateway.call(`${upload}?name=../dot%00.png`, { method: 'POST', body: PNG })
    expect(sent.status).toBe(201)
    const info = (await sent.json()) as { id: string }
    expect(info).toMatchObject({ mediaType: 'image/png', name: 'dot.png', size: PNG.length })
    await gateway.call(messages, post({ text: '', attachments: [info.id] }))
    const { items } = (await (await gateway.call(messages)).json()) as {
      items: Array<{ attachments: Array<{ id: string; size: number }> }>
    }
    const stored = items[0]!.attachments[0]!
    expect(stored.size).toBe(PNG.length)
    const shown = await gateway.call(`${upload}/${stored.id}`)
    expect(shown.headers.get('content-type')).toBe('image/png')
    expect(shown.headers.get('x-content-type-options')).toBe('nosniff')
    expect(Buffer.from(await shown.arrayBuffer()).equals(PNG)).toBe(true)
  })

  test('are known by their content, whatever they say they are', async () => {
    await using gateway = await startTestGateway()
    const html = await gateway.call(`${upload}?name=a.png`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: '<script>alert(1)</script>',
    })
    expect(html.status).toBe(400)
    expect((await gateway.call(upload, { method: 'POST' })).status).toBe(400)
  })

  test('belong to the conversation that they were uploaded to', async () => {
    await using gateway = await startTestGateway()
    const { id } = (await (await gateway.call(upload, { method: 'POST', body: PNG })).json()) as {
      id: string
    }
    const response = await gateway.call(
      '/api/conversations/other/messages',
      post({ text: 'a', attachments: [id] }),
    )
    expect(response.status).toBe(400)
    expect((await gateway.call(`${upload}/nothing`)).status).toBe(404)
    await gateway.call(messages, post({ text: 'a', attachments: [id] }))
    const stored = gateway.chat.rows('web:kitchen')[0]!.attachments[0]!.id
    expect((await gateway.call(`${upload}/${stored}`)).status).toBe(200)
    expect((await gateway.call(`/api/conversations/other/attachments/${stored}`)).status).toBe(404)
  })

  test('are at most 20 MB', async () => {
    await using gateway = await startTestGateway()
    const body = Buffer.concat([PNG, Buffer.alloc(20 << 20)])
    expect((await gateway.call(upload, { method: 'POST', body })).status).toBe(413)
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(PNG)
        controller.enqueue(new Uint8Array(1 << 20))
      },
    })
    const endless = await gateway.call(upload, {
      method: 'POST',
      body: stream,
      duplex: 'half',
    } as RequestInit)
    expect(endless.status).toBe(413)
  })
})
