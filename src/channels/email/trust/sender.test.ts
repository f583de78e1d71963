import { array, constantFrom, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { cpuMsOf } from '../../../../test/support/cpu-time.ts'
import { assertProperty } from '../../../../test/support/test-chance.ts'
import { parseHeaders } from '../intake/headers.ts'
import { parseAuthenticationResults } from './authentication-results.ts'
import { senderOf } from './sender.ts'

const MX = 'mx.bot.test'
const ANNA = 'anna@example.org'
const PASS = `Authentication-Results: ${MX}; dmarc=pass header.from=example.org`

/** Whom a header proves; null = nobody. */
function proved(...lines: readonly string[]): string | null {
  const headers = parseHeaders(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))
  const sender = headers && senderOf(headers, MX)
  return sender?.kind === 'proved' ? sender.address : null
}

const results = (text: string) => `Authentication-Results: ${MX}; ${text}`

test.each([
  ['DMARC passed', [PASS, `From: ${ANNA}`]],
  ['a display name that is quoted', [PASS, `From: "Anna, of Example" <${ANNA}>`]],
  ['a display name in another alphabet', [PASS, `From: =?utf-8?B?w4Q=?= <${ANNA}>`]],
  ['capital letters', [PASS, 'From: Anna@EXAMPLE.org']],
  ['a comment behind the address', [PASS, `From: ${ANNA} (Anna)`]],
  [
    'a folded result',
    [`Authentication-Results: ${MX};\r\n\tdmarc=pass (p=none)\r\n header.from=example.org`, `From: ${ANNA}`],
  ],
  [
    'a result with a version',
    [`Authentication-Results: ${MX} 1; dmarc=pass header.from=example.org`, `From: ${ANNA}`],
  ],
  ['white space round the equals sign', [results('dmarc = pass header.from = example.org'), `From: ${ANNA}`]],
  [
    'DKIM of the same domain, where there is no policy',
    [results('dkim=pass header.d=example.org'), `From: ${ANNA}`],
  ],
  [
    'DKIM of the organisation',
    [results('dkim=pass header.d=example.org; dmarc=none'), 'From: anna@mail.example.org'],
  ],
  [
    'DKIM told by its identity alone',
    [results('dkim=pass header.i=@example.org header.s=s1'), `From: ${ANNA}`],
  ],
  [
    'one good signature among others',
    [
      results(
        'dkim=fail header.d=example.org; dkim=pass header.d=lists.test; dkim=pass header.d=example.org',
      ),
      `From: ${ANNA}`,
    ],
  ],
  [
    'SPF of the same domain',
    [results('spf=pass (is allowed) smtp.mailfrom=bounce@example.org'), `From: ${ANNA}`],
  ],
  [
    'SPF with the domain alone',
    [results('spf=pass smtp.mailfrom=example.org smtp.helo=a.test'), `From: ${ANNA}`],
  ],
  [
    'the form of a large provider',
    [
      results(
        'dkim=pass header.i=@example.org header.s=2023 header.b=Xy12=; spf=pass (google.com: domain of anna@example.org designates 192.0.2.1 as permitted sender) smtp.mailfrom=anna@example.org; dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=example.org',
      ),
      `From: ${ANNA}`,
    ],
  ],
  ['a foreign result above ours', ['Authentication-Results: other.test; dmarc=fail', PASS, `From: ${ANNA}`]],
])('takes a sender with %s', (_what, lines) => {
  expect(proved(...lines)).toMatch(/^anna@(?:mail\.)?example\.org$/)
})

test.each([
  ['no result at all', [`From: ${ANNA}`]],
  [
    'the result of somebody else',
    ['Authentication-Results: mx.evil.test; dmarc=pass header.from=example.org', `From: ${ANNA}`],
  ],
  [
    'a name that only begins like ours',
    [`Authentication-Results: ${MX}.evil.test; dmarc=pass header.from=example.org`, `From: ${ANNA}`],
  ],
  [
    'a name in quotes with more behind it',
    [`Authentication-Results: "${MX}; dmarc=pass header.from=example.org"`, `From: ${ANNA}`],
  ],
  [
    'a forged result below the server’s',
    [results('dmarc=fail header.from=example.org'), PASS, `From: ${ANNA}`],
  ],
  [
    'a forged result below one that cannot be read',
    [`Authentication-Results: ${MX}; dmarc=fail (open`, PASS, `From: ${ANNA}`],
  ],
  ['a result of DMARC about another domain', [results('dmarc=pass header.from=evil.test'), `From: ${ANNA}`]],
  ['a result of DMARC about nobody', [results('dmarc=pass'), `From: ${ANNA}`]],
  [
    'DMARC failed next to a good signature',
    [results('dmarc=fail header.from=example.org; dkim=pass header.d=example.org'), `From: ${ANNA}`],
  ],
  [
    'two results of DMARC',
    [results('dmarc=fail header.from=example.org; dmarc=pass header.from=example.org'), `From: ${ANNA}`],
  ],
  ['a signature of another domain', [results('dkim=pass header.d=evil.test'), `From: ${ANNA}`]],
  [
    'a signature of a domain that ends alike',
    [results('dkim=pass header.d=badexample.org'), `From: ${ANNA}`],
  ],
  ['a signature for a public suffix', [results('dkim=pass header.d=co.uk'), 'From: anna@example.co.uk']],
  [
    'a signature of a neighbour at the same host',
    [results('dkim=pass header.d=evil.github.io'), 'From: anna@example.github.io'],
  ],
  ['a signature that failed', [results('dkim=fail header.d=example.org'), `From: ${ANNA}`]],
  [
    'two domains in one signature',
    [results('dkim=pass header.d=evil.test header.d=example.org'), `From: ${ANNA}`],
  ],
  ['SPF of another domain', [results('spf=pass smtp.mailfrom=a@evil.test'), `From: ${ANNA}`]],
  ['SPF of a greeting alone', [results('spf=pass smtp.helo=example.org'), `From: ${ANNA}`]],
  ['SPF that failed softly', [results('spf=softfail smtp.mailfrom=example.org'), `From: ${ANNA}`]],
  ['a result in a comment', [results('dkim=none (dmarc=pass header.from=example.org)'), `From: ${ANNA}`]],
  [
    'a result behind a comment that closes early',
    [results('spf=none (a \\) ; dmarc=pass header.from=example.org)'), `From: ${ANNA}`],
  ],
  [
    'a result within the quoted sender of the envelope',
    [results('spf=pass smtp.mailfrom="x; dmarc=pass header.from=example.org; y"@evil.test'), `From: ${ANNA}`],
  ],
  [
    'a domain of ours quoted into the local part',
    [results('spf=pass smtp.mailfrom="a@example.org"@evil.test'), `From: ${ANNA}`],
  ],
  ['a method that only ends alike', [results('x-dmarc=pass header.from=example.org'), `From: ${ANNA}`]],
  ['two From fields', [PASS, `From: ${ANNA}`, 'From: eve@evil.test']],
  ['a second From with a space before its colon', [PASS, `From: ${ANNA}`, 'From : eve@evil.test']],
  ['two addresses in the From', [PASS, `From: ${ANNA}, eve@evil.test`]],
  ['a group', [PASS, `From: friends: ${ANNA};`]],
  [
    'an address as the display name',
    [PASS.replace('example.org', 'evil.test'), `From: "${ANNA}" <eve@evil.test.>`],
  ],
  ['an address before the address', [PASS, `From: ${ANNA} <eve@evil.test>`]],
  ['two addresses in brackets', [PASS, `From: <${ANNA}> <eve@evil.test>`]],
  ['a route', [PASS, `From: <@evil.test:${ANNA}>`]],
  ['a quoted local part', [PASS, 'From: "anna"@example.org']],
  ['a quote that never ends', [PASS, `From: "Anna <${ANNA}>`]],
  ['another alphabet in the domain', [PASS, 'From: anna@ex\u00e4mple.org']],
  ['no domain', [PASS, 'From: anna']],
  ['a NUL in the header', [PASS, `From: ${ANNA}\0`]],
  ['a bare carriage return', [`X: a\r${PASS}`, `From: ${ANNA}`]],
])('does not believe %s', (_what, lines) => {
  expect(proved(...lines)).toBeNull()
})

test('the display name never decides, whatever it says', () => {
  expect(proved(results('dmarc=pass header.from=evil.test'), `From: "${ANNA}" <eve@evil.test>`)).toBe(
    'eve@evil.test',
  )
})

test('whatever a server quotes of the sender changes nothing in its result', () => {
  assertProperty(
    property(string({ unit: constantFrom(...';=() \t"\\@.adkimrcpsf/1'), maxLength: 40 }), (local) => {
      const quoted = `"${local.replace(/["\\]/g, '\\$&')}"@evil.test`
      expect(
        proved(
          results(`spf=pass smtp.mailfrom=${quoted}; dmarc=fail header.from=example.org`),
          `From: ${ANNA}`,
        ),
      ).toBeNull()
      const read = parseAuthenticationResults(`${MX}; spf=pass smtp.mailfrom=${quoted}; dkim=none`)
      expect(read?.verdicts.map(({ method, result }) => `${method}=${result}`)).toEqual([
        'spf=pass',
        'dkim=none',
      ])
    }),
  )
})

test('no nonsense is read as a result, and none takes long', () => {
  const pieces = [
    'dmarc=pass',
    'header.from=example.org',
    ';',
    '(',
    ')',
    '"',
    '\\',
    '=',
    ' ',
    MX,
    'none',
    '1',
    '\t',
    '.',
    'x',
  ]
  assertProperty(
    property(array(constantFrom(...pieces), { maxLength: 30 }), (parts) => {
      const text = parts.join('')
      const read = parseAuthenticationResults(text)
      // What passed stands outside of quotes and comments, after the name and a semicolon.
      const bare = text.replace(/"(?:\\.|[^"\\])*"/g, 'q')
      const told = read?.verdicts.some(({ method }) => method === 'dmarc') ?? false
      expect(!told || /;[^;]*dmarc/.test(bare)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
  const hostile = ['('.repeat(8_000), 'a=b '.repeat(3_000)]
  const took = cpuMsOf(() => hostile.map((text) => parseAuthenticationResults(`${MX}; ${text}`)))
  expect(took).toBeLessThan(1_000)
})

test.each([
  `${MX} (checked; by us); dmarc=fail header.from=example.org`,
  `(a; (nested; one)) ${MX}; dmarc=fail header.from=example.org`,
  `"${MX}" (x \\) ; y); dmarc=fail header.from=example.org`,
  `${MX} (never closed; dmarc=fail header.from=example.org`,
  `${MX} \\; dmarc=fail header.from=example.org`,
])('the result of our server is above a forged one however it is written: %s', (field) => {
  expect(proved(`Authentication-Results: ${field}`, PASS, `From: ${ANNA}`)).toBeNull()
})

test('a comment with a semicolon does not hide a good result either', () => {
  const field = `Authentication-Results: ${MX} (checked; by us); dmarc=pass header.from=example.org`
  expect(proved(field, `From: ${ANNA}`)).toBe(ANNA)
})
