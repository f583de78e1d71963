import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SignInProcess } from '../support/processes/processes.ts'
import { borrowed } from '../support/provider/claude-code.ts'
import { afterThisTest, MACHINE, signedIn } from '../support/provider/signed-in.ts'
import { pause } from '../support/until.ts'

/** Answers that quote the token they were given, as a careless server or proxy does. */
const ECHOES: Array<(token: string) => { status: number; body: string }> = [
  (token) => ({
    status: 400,
    body: `{"error":"invalid_request","error_description":"cannot read ${token}"}`,
  }),
  (token) => ({ status: 415, body: token }),
  (token) => ({ status: 500, body: `<html>Error: ${token}</html>` }),
  (token) => ({ status: 200, body: `<html>${token}</html>` }),
  (token) => ({ status: 200, body: `{"error":{"type":"x","message":"${token}"},"access_token":"${token}"}` }),
  (token) => ({ status: 429, body: `{"error":"${token}"}` }),
  (token) => ({ status: 403, body: `{"error":"access_denied","error_description":"${token}"}` }),
  (token) => ({ status: 400, body: `{"error":"invalid_grant","error_description":"${token} not found"}` }),
]

/** A token endpoint that goes through `ECHOES`; the last one stands. */
async function echoingEndpoint(): Promise<string> {
  let turn = 0
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const params = body.startsWith('{')
      ? (JSON.parse(body) as Record<string, string>)
      : Object.fromEntries(new URLSearchParams(body))
    const echo = ECHOES[Math.min(turn++, ECHOES.length - 1)]!(params['refresh_token'] ?? '')
    response.writeHead(echo.status, { 'content-type': 'application/json', 'retry-after': '0' }).end(echo.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterThisTest(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
}

it.each([
  ['own', signedIn],
  ['claude-code', borrowed],
] as const)('are in the credentials file alone, whatever the endpoint says (%s)', async (store, start) => {
  const fixture = await start()
  const { home, path, first } = fixture
  const configDir = 'configDir' in fixture ? fixture.configDir : home
  const tokenUrl = await echoingEndpoint()
  const options = { store, home, configDir, machineId: MACHINE, tokenUrl, backoffMs: 1 }
  await using worker = await SignInProcess.start(options)
  const ends: unknown[] = []
  for (let turn = 0; turn < ECHOES.length && !ends.includes('terminal'); turn++) {
    const answer = await worker.ask('refresh')
    ends.push(answer['kind'])
    // The step of the back-off is over.
    await pause(100)
  }
  expect(ends).toContain('transient')
  expect(ends.at(-1)).toBe('terminal')

  const secrets = [first.accessToken.reveal(), first.refreshToken!.reveal()]
  const places = [worker.output]
  for (const what of ['cmdline', 'environ'])
    places.push(readFileSync(`/proc/${worker.child.pid}/${what}`, 'latin1'))
  for (const folder of new Set([home, configDir])) {
    for (const name of await readdir(folder)) {
      if (join(folder, name) !== path) places.push(await readFile(join(folder, name), 'latin1'))
    }
  }
  for (const secret of secrets) {
    expect(places.filter((text) => text.includes(secret))).toEqual([])
    // Half of one is one too many.
    expect(places.filter((text) => text.includes(secret.slice(-16)))).toEqual([])
  }
  expect(await readFile(path, 'utf8')).toContain(secrets[1])
})
