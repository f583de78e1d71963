import { connect } from 'node:net'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../test/support/test-chance.ts'
import { startTestGateway, TEST_TOKEN } from '../../test/support/web/http-gateway.ts'

/** Whatever comes in, the answer is one of the client's mistakes or a success, never a mistake of ours. */
const RUNS = 400

const segment = fc.oneof(
  fc.constantFrom(
    'api',
    'conversations',
    'messages',
    'events',
    'queue',
    'retry',
    'status',
    'session',
    'tickets',
    'tokens',
    'attachments',
    'assets',
    'c',
    '..',
    '%2e%2e',
    '%00',
    '%',
    '%zz',
    '%ff',
    '__proto__',
    'constructor',
    '',
  ),
  fc.string({ maxLength: 12 }).map((text) => encodeURI(text.toWellFormed())),
  fc.stringMatching(/^[!-~]{0,10}$/),
)
const path = fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`)
const known = fc
  .tuple(
    fc.constantFrom(
      '/api/conversations/ID/messages',
      '/api/conversations/ID/stop',
      '/api/conversations/ID/attachments',
      '/api/conversations/ID/attachments/ID',
      '/api/queue/ID/retry',
      '/api/queue/ID/drop',
      '/api/queue/ID/text',
      '/api/queue',
      '/api/figures',
      '/api/credential/timeline',
      '/api/login/start',
      '/api/login/finish',
      '/api/login/api-key',
      '/api/sandbox',
      '/api/sandbox/ID',
      '/incidents/ID',
      '/api/session',
      '/api/tokens',
      '/api/tokens/ID',
      '/c/ID',
      '/assets/ID',
    ),
    segment,
    fc.constantFrom(
      '',
      '?limit=x',
      '?before=-1',
      '?after=1e9',
      '?state=%',
      '?from=%00&to=1e99',
      '?from=-271821-04-20T00:00:00Z&to=%2B275760-09-13T00:00:00Z',
      '?names=,,held,%ff',
      '?name=%ff',
      '?&&==',
      '?limit=99999999',
    ),
  )
  .map(([pattern, id, query]) => pattern.replaceAll('ID', id || 'x') + query)

const method = fc.oneof(
  fc.constantFrom(
    'GET',
    'POST',
    'DELETE',
    'HEAD',
    'PUT',
    'PATCH',
    'OPTIONS',
    'TRACE',
    'QUERY',
    'get',
    'PROPFIND',
  ),
  fc.stringMatching(/^[A-Z]{1,8}$/),
)
const body = fc.oneof(
  fc.constant(''),
  fc.json(),
  fc.string({ maxLength: 200 }),
  fc.constantFrom(
    '{"text":',
    '{"text":{"$gt":""}}',
    '{"__proto__":{"text":"x"}}',
    '\u0000',
    '[[[[',
    '{"text":"\\ud800"}',
  ),
  fc
    .record({
      text: fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
      messageId: fc.oneof(fc.string(), fc.anything()),
      attachments: fc.oneof(fc.array(fc.string()), fc.anything()),
      ticket: fc.string(),
      scope: fc.string(),
    })
    .map(
      (value) =>
        JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? '1' : part)) ?? '',
    ),
)
const headerLine = fc.oneof(
  fc.constantFrom(
    'Content-Type: application/json',
    'Content-Type: multipart/form-data; boundary=',
    'Content-Length: 99999999999999999999',
    'Content-Length: -1',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Expect: 100-continue',
    'Upgrade: websocket\r\nConnection: Upgrade',
    'Cookie: hermes_session_1=..; =; hermes',
    'Authorization: Bearer',
    'Origin: null',
    'Origin: http://[',
    'Referer: :::',
    'Last-Event-ID: -1',
    'If-None-Match: "x"',
    'Accept-Encoding: br;q=0, gzip',
    'Range: bytes=0-',
    'Host: [::',
    'Host: a b',
    'Host:',
    'X: \u00ff',
  ),
  fc.stringMatching(/^[A-Za-z-]{1,10}: [ -~]{0,40}$/),
)

/** Chance need not draw each of the answers that show how far the requests get. */
const ONE_OF_EACH = [
  ['GET', '/healthz', [], '', true],
  ['POST', '/api/conversations/x/messages', ['Content-Type: application/json'], '{"text":', true],
  ['GET', '/api/status', [], '', false],
  ['GET', '/api/nothing', [], '', true],
  ['PUT', '/api/status', [], '', true],
] satisfies Array<[string, string, string[], string, boolean]>

test('a malformed request never meets an error of ours', { timeout: 60_000 }, async () => {
  await using gateway = await startTestGateway()
  const statuses = new Map<number, number>()
  const { port } = new URL(gateway.url)
  await assertProperty(
    fc.asyncProperty(
      method,
      fc.oneof(path, known, fc.constantFrom('*', 'http://evil.example/', 'evil:1', '')),
      fc.array(headerLine, { maxLength: 4 }),
      body,
      fc.boolean(),
      async (verb, target, lines, content, authorized) => {
        // Event streams do not end.
        fc.pre(!/\/events/.test(target))
        const head = [
          `${verb} ${target} HTTP/1.1`,
          ...(lines.some((line) => line.startsWith('Host')) ? [] : ['Host: localhost']),
          ...(authorized ? [`Authorization: Bearer ${TEST_TOKEN}`] : []),
          ...(lines.some((line) => /^(Content-Length|Transfer)/.test(line))
            ? []
            : [`Content-Length: ${Buffer.byteLength(content)}`]),
          ...(lines.some((line) => line.startsWith('Upgrade')) ? [] : ['Connection: close']),
          ...lines,
        ]
        const answer = await exchange(Number(port), `${head.join('\r\n')}\r\n\r\n${content}`)
        const status = Number(answer.split(' ')[1])
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        // No answer at all is right for what is no HTTP; 503: the page may not have been built.
        expect(answer === '' || status === 503 || (status >= 100 && status < 500)).toBe(true)
      },
    ),
    { numRuns: RUNS, examples: [...ONE_OF_EACH] },
  )
  expect((await gateway.call('/healthz')).status).toBe(200)
  // The requests got far enough to mean something.
  for (const status of [200, 400, 401, 404, 405]) expect(statuses.get(status)).toBeGreaterThan(0)
})

/** A request that is still incomplete after this waits for more; there is nothing more to learn from it. */
const PATIENCE_MS = 150

function exchange(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    // Not ended: a server may take that for a client that has gone.
    const socket = connect(port, '127.0.0.1', () => socket.write(request, 'latin1'))
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  })
}
