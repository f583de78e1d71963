import { expect, test } from 'vitest'
import { oddVersions } from '../../../../test/support/platforms/odd-frames.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import type { MappingContext } from './receive.ts'
import { mapDeletion, outlineChange, outlineCommand, outlineMessage } from './receive.ts'

const CONTEXT: MappingContext = {
  bot: { userId: 'U0BOT', name: 'bot' },
  load: () => async () => {
    throw new Error('nothing is loaded')
  },
  takesPart: () => false,
}

const FILE = { id: 'F1', name: 'a.txt', mimetype: 'text/plain', size: 1, url_private: 'x', mode: 'hosted' }
const MESSAGE = {
  ts: '1760000000.000100',
  thread_ts: '1760000000.000001',
  parent_user_id: 'U0BOT',
  user: 'U1ADA',
  text: '<@U0BOT> odd *one* <#C1|general>',
  user_profile: { display_name: 'Ada', real_name: 'Ada L' },
  files: [FILE],
  blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'x' } }],
  attachments: [{ is_share: true, author_name: 'Bob', text: 'passed along', fallback: 'x', files: [FILE] }],
}

const KINDS: ReadonlyArray<readonly [string, object, (odd: never) => InboundEvent | null]> = [
  ['message', MESSAGE, (odd) => outlineMessage('C0GENERAL', odd, CONTEXT)],
  ['message in blocks alone', { ...MESSAGE, text: '' }, (odd) => outlineMessage('C0GENERAL', odd, CONTEXT)],
  [
    'change',
    { channel: 'C0GENERAL', message: MESSAGE, previous_message: { ...MESSAGE, text: 'before' } },
    (odd) => outlineChange({ ...(odd as object), channel: 'C0GENERAL' } as never, CONTEXT),
  ],
  [
    'deletion',
    { deleted_ts: MESSAGE.ts, previous_message: MESSAGE },
    (odd) => mapDeletion({ ...(odd as object), channel: 'C0GENERAL' } as never, CONTEXT.bot),
  ],
  [
    'command',
    { text: 'new', user_name: 'ada' },
    (odd) =>
      outlineCommand({ ...(odd as object), user_id: 'U1ADA', channel_id: 'C0', trigger_id: '1' } as never),
  ],
]

test.each(KINDS)('an odd %s is passed over, or is text where it must be', async (_what, whole, read) => {
  const receiver = new RecordingReceiver()
  let handed = 0
  for (const odd of [whole, ...oddVersions(whole)]) {
    let item: InboundEvent | null = null
    // Checked before, with the channel: see `isMessage`.
    if ('ts' in whole && (odd as { ts?: unknown }).ts !== MESSAGE.ts) continue
    try {
      item = read(odd as never)
    } catch {
      // It has no shape that is known.
    }
    if (item === null) continue
    await receiver.receive('slack', [item], [])
    handed++
  }
  expect(handed).toBeGreaterThan(0)
  expect(receiver.mistyped).toEqual([])
})
