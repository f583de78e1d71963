import { NAMED_PERSON, personProblem } from '../person-ids.ts'
import { list } from '../shape/compound.ts'
import { count, duration, flag, openAddress, text, textThat, textWithout, word } from '../shape/scalars.ts'
import { dictionary, group, key } from '../shape/section.ts'
import { transform, type Key } from '../shape/shape.ts'
import { DEFAULT_TEXTS, placeholdersOf, type TextKey } from '../texts.ts'

/** A sentence that replaces `original`, with none but its placeholders. */
function sentence(original: string): Key<string> {
  const known = placeholdersOf(original)
  const all = known.map((name) => `{${name}}`).join(', ')
  const shape = textWithout((replacement) => {
    if (replacement === original) return null
    const unknown = placeholdersOf(replacement).filter((name) => !known.includes(name))
    if (unknown.length === 0) return null
    return `{${unknown.join('}, {')}} cannot be filled in here; it has ${all || 'none'}`
  })
  return key(shape, original, known.length === 0 ? 'Nothing is filled in.' : `Filled in: ${all}.`)
}

const texts = dictionary(
  Object.fromEntries(
    Object.entries(DEFAULT_TEXTS).map(([name, original]) => [name, sentence(original)]),
  ) as Record<TextKey, Key<string>>,
)

const origin = transform(
  openAddress(/^https?:\/\/[^\s/?#@*]+\/?$/, 'an address without a path, such as https://chat.example.org'),
  (url) => new URL(url).origin,
)

const operator = transform(
  textThat(personProblem, 'a channel and a user id, such as telegram:12345', { pattern: NAMED_PERSON }),
  (name) => {
    const colon = name.indexOf(':')
    return { channel: name.slice(0, colon), user: name.slice(colon + 1) }
  },
)

export const gateway = group('The gateway itself.', {
  host: key(
    text,
    '127.0.0.1',
    'The address to listen on. Beyond this machine the start is refused unless gateway.token existed before.',
  ),
  port: key(count(1, 65_535), 8642, 'The port to listen on.'),
  public_urls: key(
    list(origin),
    [],
    'Addresses by which people reach the gateway (checked against Host and Origin).',
    ['https://chat.example.org'],
  ),
  operators: key(list(operator), [], 'Who may run /login and operator commands.', ['telegram:12345']),
  hold: group('Messages waiting for recovery.', {
    // Longer than the longest weekend without an operator, short enough that an answer still makes sense.
    max_age: key(duration, '7d', 'Observed outage time after which a held message expires.'),
    // More than a person writes while waiting, too few to crowd out others.
    max_per_conversation: key(count(1, 100_000), 50, 'Held messages in one conversation at most.'),
    // 200 full conversations: some tens of megabytes on disk.
    max_total: key(count(1, 10_000_000), 10_000, 'Held messages at most.'),
    merge: key(
      flag,
      true,
      'What one person writes in a row becomes one turn: while it is held, while another turn runs, and until something of its answer is shown.',
    ),
  }),
  retention: group('How long things are kept.', {
    messages: key(duration, '90d', 'How long messages are kept.'),
    // They are large, and read again only while their turn is recent.
    attachments: key(duration, '7d', 'How long attachments are kept.'),
    figures: key(duration, '1y', 'How long usage and other figures are kept.'),
  }),
  texts: key(
    texts,
    {},
    'Replacements or translations of the sentences that people read. docs/configuration.md lists them.',
  ),
  // Longer than the pieces of an album are apart, and hardly noticed.
  merge_window: key(
    duration,
    '1s',
    'How long after a piece of an album, or of a text that the platform has split, the next one is waited for: at most 3s in all.',
  ),
  // Beyond this, requests wait for the provider's own limit.
  concurrency: key(count(1, 10_000), 50, 'Conversations answered at the same time.'),
  // Faster than anybody types for a whole minute.
  rate_per_person: key(count(1, 100_000), 20, 'Messages a minute from one person.'),
  // Drains a weekend's messages in minutes without running into the provider's rate limit.
  drain_rate: key(count(1, 10_000), 5, 'Held turns started per second after an outage.'),
  log_level: key(word('trace', 'debug', 'info', 'warn', 'error'), 'info', 'The lowest level that is logged.'),
})
