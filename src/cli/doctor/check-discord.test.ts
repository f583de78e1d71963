import { expect, test } from 'vitest'
import { DiscordServer, refusal } from '../../../test/support/platforms/discord/discord-server.ts'
import { checkBot } from '../../channels/discord/api/bot-check.ts'
import { systemClock } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { botFinding } from './check-discord.ts'

const { signal } = new AbortController()

test.each([
  ['a bot that may read', 1 << 19, true, 'discord', 'hermes_test'],
  ['a verified bot that may read', 1 << 18, true, 'discord', 'hermes_test'],
  ['a bot that may not read', 0, true, 'discord.intent', 'Message Content Intent'],
  ['a token that Discord does not know', 1 << 19, false, 'discord.token', '401: Unauthorized'],
] as const)('%s is reported in the words of Discord', async (_, flags, known, id, words) => {
  await using server = await DiscordServer.start()
  server.applicationFlags = flags
  const token = new Secret(known ? DiscordServer.token : 'TEST-another.bot-token')
  const check = await checkBot({ token, apiRoot: server.apiRoot, clock: systemClock }, signal)
  const finding = botFinding(check, server.apiRoot, '/home/x/.env')
  expect(finding).toMatchObject({ id, message: expect.stringContaining(words) })
  expect(server.gateway.received).toEqual([])
})

test('a Discord that cannot be reached is not reported as a bad token', async () => {
  await using server = await DiscordServer.start()
  server.fail(/./, refusal(503, 0, 'down'), 10)
  const token = new Secret(DiscordServer.token)
  const check = await checkBot({ token, apiRoot: server.apiRoot, clock: systemClock }, signal)
  expect(botFinding(check, server.apiRoot, '/home/x/.env')).toMatchObject({
    id: 'discord.reach',
    level: 'error',
  })
})
