import { expect, test } from 'vitest'
import { mayRead, type Rights } from './permissions.ts'

const GUILD = '10'
const BOT = '99'
const VIEW = 1 << 10
const HISTORY = 1 << 16
const BOTH = String(VIEW | HISTORY)

const rights = (everyone: string, own = '0', roles = ['20']): Rights => ({
  guildId: GUILD,
  ownerId: '1',
  botId: BOT,
  roles: [
    { id: GUILD, permissions: everyone },
    { id: '20', permissions: own },
    { id: '21', permissions: BOTH },
  ],
  member: { roles },
})
const overwrite = (id: string, allow: number | string, deny: number | string) => ({
  id,
  type: 0,
  allow: String(allow),
  deny: String(deny),
})

test.each([
  ['everyone may', rights(BOTH), [], true],
  ['nobody may', rights('0'), [], false],
  ['seeing alone is not reading', rights(String(VIEW)), [], false],
  ['a role of the bot may', rights('0', BOTH), [], true],
  ['a role that the bot has not', rights('0'), [overwrite('21', BOTH, 0)], false],
  ['an administrator may everything', rights('0', String(1 << 3)), [overwrite(GUILD, 0, BOTH)], true],
  ['the channel is hidden from everyone', rights(BOTH), [overwrite(GUILD, 0, VIEW)], false],
  [
    'hidden from everyone, shown to a role',
    rights(BOTH),
    [overwrite(GUILD, 0, VIEW), overwrite('20', VIEW, 0)],
    true,
  ],
  [
    'shown to a role, hidden from the bot',
    rights('0'),
    [overwrite('20', BOTH, 0), overwrite(BOT, 0, VIEW)],
    false,
  ],
  ['shown to the bot alone', rights('0'), [overwrite(BOT, BOTH, 0)], true],
  ['its own server', { ...rights('0'), ownerId: BOT }, [], true],
  ['nothing is known of the bot', { ...rights('0'), member: null }, [], true],
])('who may read: %s', (_, who, overwrites, expected) => {
  expect(mayRead(who, overwrites as never)).toBe(expected)
})
