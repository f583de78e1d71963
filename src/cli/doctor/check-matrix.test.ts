import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  badGateway,
  MatrixServer,
  unknownToken,
} from '../../../test/support/platforms/matrix/matrix-server.ts'
import { checkAccount } from '../../channels/matrix/api/account-check.ts'
import { Secret } from '../../support/secret.ts'
import { accountFinding } from './check-matrix.ts'
import type { Finding } from './finding.ts'

let server: MatrixServer

beforeEach(async () => {
  server = await MatrixServer.start()
})
afterEach(() => server[Symbol.asyncDispose]())

async function check(token = MatrixServer.token): Promise<Finding> {
  const { apiRoot } = server
  const reply = await checkAccount({ token: new Secret(token), apiRoot }, new AbortController().signal)
  return accountFinding(reply, apiRoot)
}

describe('a homeserver', () => {
  test('that accepts the token is ok, and the finding mentions what the bot cannot read', async () => {
    const finding = await check()
    expect(finding).toMatchObject({ id: 'matrix', level: 'ok', fix: null })
    expect(finding.message).toContain('@hermes:test')
    expect(finding.message).toContain('v1.15')
    expect(finding.message).toContain('without end-to-end encryption')
  })

  test('that rejects the token is quoted, without the token', async () => {
    const finding = await check('TEST_another_token')
    expect(finding).toMatchObject({ id: 'matrix.token', level: 'error' })
    expect(finding.message).toContain('M_UNKNOWN_TOKEN: Invalid access token passed.')
    expect(JSON.stringify(finding)).not.toContain('TEST_another_token')
    server.fail('whoami', unknownToken(true))
    expect((await check()).id).toBe('matrix.token')
  })

  test('that has locked the account is quoted', async () => {
    server.fail('whoami', { kind: 'error', status: 401, errcode: 'M_USER_LOCKED' })
    const finding = await check()
    expect(finding.id).toBe('matrix.token')
    expect(finding.message).toContain('M_USER_LOCKED')
  })

  test('that cannot be reached is reported as such', async () => {
    server.fail('*', badGateway)
    expect(await check()).toMatchObject({ id: 'matrix.reach', level: 'error' })
  })

  test('at another address is named if the site names it, and the token is not sent there', async () => {
    server.fail('versions', { kind: 'body', status: 404, body: '<html>a web site</html>' })
    server.fail('stray', {
      kind: 'body',
      status: 200,
      body: '{"m.homeserver":{"base_url":"https://matrix.example.org"}}',
    })
    const finding = await check()
    expect(finding.id).toBe('matrix.address')
    expect(finding.message).toContain('set MATRIX_HOMESERVER to that')
    expect(finding.message).toContain('https://matrix.example.org')
    server.fail('versions', { kind: 'body', status: 404, body: '<html>a web site</html>' })
    expect((await check()).message).toContain('There is no homeserver')
  })
})
