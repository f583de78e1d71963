import { BYTE_SIZE_EXAMPLES, BYTE_SIZE_PATTERN, parseByteSize } from '../byte-size.ts'
import { amount, count, duration, pattern, scalar } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'
import { transform } from '../shape/shape.ts'

/** With less than this a result is little more than the line that says how much is left out. */
const LEAST_OUTPUT = 1_024
/** Two thirds of the smallest context window, at four bytes a token. */
const MOST_OUTPUT = 512 * 1_024

/** `30/min`; the program gets the number. */
const rate = transform(pattern(/^[1-9]\d{0,3}\/min$/, 'a number of calls a minute such as 30/min'), (text) =>
  Number.parseInt(text, 10),
)

/** YAML parses a size without a unit as a number. */
const outputSize = transform(
  scalar(
    BYTE_SIZE_EXAMPLES,
    {
      anyOf: [
        { type: 'string', pattern: BYTE_SIZE_PATTERN.source },
        { type: 'integer', minimum: LEAST_OUTPUT, maximum: MOST_OUTPUT },
      ],
    },
    (input): input is string | number => typeof input === 'string' || Number.isSafeInteger(input),
    (value) => {
      if (!BYTE_SIZE_PATTERN.test(String(value))) return `expected ${BYTE_SIZE_EXAMPLES}`
      const bytes = parseByteSize(String(value))
      return bytes >= LEAST_OUTPUT && bytes <= MOST_OUTPUT ? null : 'expected from 1KiB to 512KiB'
    },
  ),
  (value) => parseByteSize(String(value)),
)

export const tools = group('What the model may do.', {
  limits: group(
    'How much one answer may do with tools. After its last step, and when its time is over, the model answers with what it has.',
    {
      // Far more than an ordinary answer needs, and an end for one that goes in circles.
      steps: key(count(1, 1_000), 40, 'Responses of the model, before a last one that calls no tools.'),
      time: key(duration, '15m', 'From the first request on, without outages.'),
      output: key(
        outputSize,
        '64KiB',
        'Of one result, from 1KiB to 512KiB: of a longer one the model gets the beginning and the end.',
      ),
      // Some forty steps over a long conversation.
      cost: key(
        amount(1_000_000),
        2,
        'What a turn with tools may cost, in USD, before a last answer without any.',
      ),
      // A person's work does not need more, and a loop does.
      rate: key(
        rate,
        '30/min',
        'Calls of one tool, over all chats of a process: one more is not run, and the model is told when it may be repeated.',
      ),
    },
  ),
})
