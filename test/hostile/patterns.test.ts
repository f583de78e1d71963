import { checkSync } from 'recheck'
import { expect, test } from 'vitest'
import { patternsOf, withSmallCounts } from './patterns.ts'

// The checker in JavaScript: the others need Java, or a program for this machine.
process.env['RECHECK_BACKEND'] = 'pure'

/** One check on a busy machine; on an idle one the longest takes a second or two. */
const CHECK_MS = 300_000

/** Patterns that the checker does not find to be linear, and why they may stand where they do. */
const BOUNDED: Readonly<Record<string, string>> = {
  '/\\/+$/': 'an address of the configuration',
  '/(?<!\\d)\\d{6,}(?::|%3A)[A-Za-z0-9_-]{30,}/gi': 'a run of digits is entered at its beginning alone',
  '/(?<![\\w-])[\\w-]+#[\\w-]{40,}/g': 'a word is entered at its beginning alone',
  '/([?&#](?:code|state|access_token|refresh_token|token|ticket|code_verifier|client_secret)=)[^&\\s"\']+/gi':
    'begins at a sign and a name, and takes all that it reads',
  '/-----BEGIN CERTIFICATE-----[\\s\\S]+?-----END CERTIFICATE-----/g': 'a file of the operator',
  '/ on (\\/.*) \\(([^,)]+)/': 'what the machine says of its file systems',
  '/\\s*\\S+\\s*$|\\s*\\S+/g': 'the sandbox cuts its own answers',
  '/^(["\'`])(.*)\\1$/g': 'a line of the configuration',
  '/^[^\\S\\n]*(?:export[^\\S\\n]+)?([A-Za-z_]\\w*)[^\\S\\n]*=[^\\S\\n]*([^\\s\'"`#].*|(?<==)#\\S.*)$/gm':
    'the .env file',
  '/\\s+#.*/': 'the .env file',
  '/<[^>]*>/g': 'HTML of ours, in which every < has its >',
}

test(
  'every pattern of the program and of the page is linear, or bounded for a reason',
  { timeout: 900_000 },
  () => {
    const patterns = patternsOf(['src/**/*.ts', 'web/src/**/*.{ts,tsx}'])
    expect(patterns.length).toBeGreaterThan(200)
    expect(Object.keys(BOUNDED).filter((text) => !patterns.some((pattern) => pattern.text === text))).toEqual(
      [],
    )
    const suspects = patterns.flatMap(({ text, source, flags, places }) => {
      const simple = text in BOUNDED ? null : withSmallCounts(source)
      if (simple === null) return []
      const { status } = checkSync(simple, flags, {
        timeout: CHECK_MS,
        // An attack that takes longer counts as one that succeeded, on a busy machine too.
        attackTimeout: CHECK_MS,
        randomSeed: 1,
      })
      return status === 'safe' ? [] : [`${status}: ${text} (${places.join(', ')})`]
    })
    expect(suspects).toEqual([])
  },
)

test('the checker finds what costs the square of its length', () => {
  for (const source of ['\\([^)]*\\)', '[>)]+$', '^[a-z\\s]*={0,2}\\s*$', '(?:a+)+b'])
    expect(checkSync(withSmallCounts(source)!, '').status).toBe('vulnerable')
  for (const source of ['^[a-z]*$', 'code=[^&]{4,}', '^a{1,512}b']) {
    const simple = withSmallCounts(source)
    expect(simple === null ? 'safe' : checkSync(simple, '').status).toBe('safe')
  }
})
