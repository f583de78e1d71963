import { expect, it } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { TelegramServer } from '../../../../test/support/platforms/telegram/telegram-server.ts'
import { until } from '../../../../test/support/until.ts'
import { systemClock, type Clock } from '../../../support/clock.ts'
import { Secret } from '../../../support/secret.ts'
import { findOperator, CODE_LIFETIME_MS } from './find-operator.ts'

const CODE = 'ABCD2345'
const ADA = 777

function find(server: TelegramServer, clock: Clock = systemClock) {
  const token = new Secret(TelegramServer.token)
  return findOperator({ token, apiRoot: server.apiRoot, code: CODE, clock }, AbortSignal.timeout(20_000))
}

it.each([CODE, 'abcd2345', ' ABCD 2345 ', 'abcd-2345', `/start ${CODE}`])(
  'knows the sender of %j, confirms the message and thanks',
  async (text) => {
    await using server = await TelegramServer.start()
    const search = find(server)
    await until(() => server.callsOf('getUpdates').length > 0)
    server.say(ADA, text)
    expect(await search).toEqual({ kind: 'found', id: String(ADA), name: 'Ada' })
    expect(server.unconfirmed).toBe(0)
    expect(server.sentTo(ADA)).toHaveLength(1)
  },
)

it('leaves what others wrote before it for the gateway', async () => {
  await using server = await TelegramServer.start()
  server.say(555, 'Hello?')
  server.say(ADA, CODE)
  expect(await find(server)).toMatchObject({ kind: 'found', id: String(ADA) })
  expect(server.unconfirmed).toBe(2)
})

it('rejects the code from a group, from a bot, or inside other words', async () => {
  await using server = await TelegramServer.start()
  server.say(-100, CODE)
  server.say(556, CODE, { from: { id: 556, is_bot: true } })
  server.say(557, `my code is ${CODE}`)
  const search = find(server)
  await until(() => server.callsOf('getUpdates').length > 1)
  server.say(ADA, CODE)
  expect(await search).toMatchObject({ kind: 'found', id: String(ADA) })
})

it('says so when more waits than can be looked through, and confirms none of it', async () => {
  await using server = await TelegramServer.start()
  for (let person = 1; person <= 120; person++) server.say(person, 'Hello?')
  server.say(ADA, CODE)
  expect(await find(server)).toEqual({ kind: 'crowded' })
  expect(server.unconfirmed).toBe(121)
})

it('gives up when the time of the code is over', async () => {
  await using server = await TelegramServer.start()
  const clock = new FakeClock()
  server.say(555, 'Hello?')
  const search = find(server, clock)
  await until(() => server.callsOf('getUpdates').length > 0)
  await clock.advance(CODE_LIFETIME_MS)
  expect(await search).toEqual({ kind: 'nobody' })
})

it('fails where another program receives with the same token', async () => {
  await using server = await TelegramServer.start()
  server.webhookUrl = 'https://other.example.org/'
  await expect(find(server)).rejects.toMatchObject({ kind: 'conflict' })
})
