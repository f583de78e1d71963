import { afterEach, beforeEach, expect, test } from 'vitest'
import { SlackServer } from '../../../test/support/platforms/slack/slack-server.ts'
import { checkApp } from '../../channels/slack/api/app-check.ts'
import { createLog } from '../../support/log.ts'
import { Secret } from '../../support/secret.ts'
import { appFinding } from './check-slack.ts'
import type { Finding } from './finding.ts'

let server: SlackServer

beforeEach(async () => {
  server = await SlackServer.start()
})

afterEach(() => server[Symbol.asyncDispose]())

async function check(
  botToken = SlackServer.botToken,
  appToken = SlackServer.appToken,
  reactions = true,
): Promise<Finding> {
  const { apiRoot } = server
  const log = await createLog({ level: 'silent' })
  const tokens = { botToken: new Secret(botToken), appToken: new Secret(appToken) }
  const answer = await checkApp({ ...tokens, apiRoot, reactions, log }, AbortSignal.timeout(5_000))
  return appFinding(answer, apiRoot, '/home/ada/.hermes/.env')
}

test('an app with both tokens and every scope is ok', async () => {
  expect(await check()).toMatchObject({ id: 'slack', level: 'ok' })
})

test('a wrong token is named, with the file that holds it', async () => {
  expect(await check('xoxb-TEST-wrong')).toMatchObject({
    id: 'slack.bot-token',
    level: 'error',
    message: expect.stringContaining('Slack does not take SLACK_BOT_TOKEN (invalid_auth)'),
    fix: '"${EDITOR:-vi}" /home/ada/.hermes/.env',
  })
  expect(await check(undefined, 'xapp-TEST-wrong')).toMatchObject({ id: 'slack.app-token', level: 'error' })
})

test('the missing scope of an app token is named', async () => {
  server.appScopes = 'authorizations:read'
  expect((await check()).message).toContain('connections:write (missing_scope)')
})

test('each missing scope is named with what it is for; those that silence the bot are errors', async () => {
  server.scopes = server.scopes.replace('files:read,', '')
  expect(await check()).toMatchObject({
    level: 'warning',
    message: expect.stringContaining('files:read (to look at pictures and files)'),
  })
  server.scopes = server.scopes.replace('im:history,', '')
  expect(await check()).toMatchObject({ id: 'slack.scopes', level: 'error' })
})

test('the scope for reactions is missed only where messages are to be marked', async () => {
  server.scopes = server.scopes.replace(',reactions:write', '')
  expect(await check()).toMatchObject({
    level: 'warning',
    message: expect.stringContaining('reactions:write (to mark messages as taken or held)'),
  })
  expect(await check(SlackServer.botToken, SlackServer.appToken, false)).toMatchObject({ level: 'ok' })
})

test('a Slack that does not answer is not reported as a refusal', async () => {
  server.fail('auth.test', { kind: 'drop' })
  expect(await check()).toMatchObject({ id: 'slack.reach', level: 'error' })
})
