import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { openSse } from '../support/web/sse-client.ts'

const NEW_TOKEN = 'TEST-another-gateway-token-0123456789'

test(
  'a token that is replaced or removed in its file ends while the gateway runs, with its streams',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.start()
    const { token, home } = gateway
    const chat = (await gateway.run(['dashboard', '--token', 'chat'])).stdout.trim()
    const bearer = (value: string) => ({ authorization: `Bearer ${value}` })
    const status = async (value: string) =>
      (await fetch(`${gateway.url}/api/conversations`, { headers: bearer(value) })).status
    using owners = await openSse(`${gateway.url}/api/events`, bearer(token))
    using chats = await openSse(`${gateway.url}/api/events`, bearer(chat))

    await writeFile(join(home, 'gateway.token'), `${NEW_TOKEN}\n`)
    await owners.ended
    expect([await status(token), await status(NEW_TOKEN), await status(chat)]).toEqual([401, 200, 200])
    expect((await gateway.run(['dashboard'])).code).toBe(0)

    await rm(join(home, 'gateway-tokens.json'))
    await chats.ended
    expect(await status(chat)).toBe(401)
  },
)
