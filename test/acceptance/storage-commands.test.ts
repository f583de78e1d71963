import '../support/processes/no-gateway-left.ts'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { freshDatabase } from '../support/stores/postgres.ts'
import { newSecretKey } from '../support/stores/shared-place.ts'

/** What the channel and the sandbox need, with the messages in PostgreSQL. */
function moveTo(fixture: BotFixture, url: string): void {
  const config = JSON.parse(readFileSync(join(fixture.gateway.home, 'config.yaml'), 'utf8')) as object
  fixture.gateway.configure({ ...config, storage: { url } })
}

test(
  'a home moves to PostgreSQL with its sign-in and all waiting messages, and continues there',
  PROCESS_TEST,
  async () => {
    const secretKey = newSecretKey()
    await using fixture = await BotFixture.start({
      storage: 'sqlite',
      apiKey: false,
      env: { HERMES_SECRET_KEY: secretKey },
      start: false,
    })
    const { gateway, telegram, sandbox } = fixture
    await fixture.signedIn()
    await gateway.start()
    telegram.say(700, 'before')
    await fixture.until(() => fixture.shown(700).length === 1 || null, 'the first answer')
    const outage = sandbox.control.fault({ target: 'messages', fault: 'overloaded-529' })
    telegram.say(700, 'a waiting message')
    await fixture.until(() => telegram.unconfirmed === 0 || null, 'the second message')
    await gateway.kill('SIGTERM')
    expect(fixture.shown(700)).toEqual(['Echo: before'])
    outage.clear()

    const refused = await gateway.run(['storage', 'copy'])
    expect(refused).toMatchObject({ code: 78 })
    expect(refused.stderr).toContain('storage.url is sqlite')

    const url = await freshDatabase()
    moveTo(fixture, url)
    const status = await gateway.run(['storage', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({
      kind: 'postgres',
      exists: false,
      notCopied: join(gateway.home, 'hermes.db'),
    })
    const copied = await gateway.run(['storage', 'copy'])
    expect(copied.stderr).toBe('')
    expect(copied.code).toBe(0)
    expect(copied.stdout).toContain('every row was compared')
    expect(copied.stdout).toContain('this home no longer keeps a token')
    expect(existsSync(join(gateway.home, 'hermes.db'))).toBe(false)
    expect(readFileSync(join(gateway.home, 'credentials.json'), 'utf8')).not.toContain('sk-ant')
    const again = await gateway.run(['storage', 'copy'])
    expect(again).toMatchObject({ code: 0, stderr: '' })

    await gateway.start()
    await fixture.until(
      () => fixture.shown(700).includes('Echo: a waiting message') || null,
      'the answer to the waiting message',
    )
    telegram.say(700, 'after')
    await fixture.until(() => fixture.shown(700).includes('Echo: after') || null, 'an answer afterwards')
    expect(fixture.shown(700).filter((text) => text.startsWith('Echo'))).toEqual([
      'Echo: before',
      'Echo: a waiting message',
      'Echo: after',
    ])
    const there = JSON.parse((await gateway.run(['storage', '--json'])).stdout) as { processes: unknown[] }
    expect(there).toMatchObject({ kind: 'postgres', exists: true, missing: [], notCopied: null })
    expect(there.processes).toHaveLength(1)
    expect(JSON.stringify(there)).not.toContain(secretKey)
    const busy = await gateway.run(['storage', 'copy'])
    expect(busy.code).toBe(1)
    expect(busy.stderr).toContain('a gateway is running for')
  },
)

test(
  'a database can be migrated before the first start, and a second time changes nothing',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      storage: 'sqlite',
      env: { HERMES_SECRET_KEY: newSecretKey() },
      start: false,
    })
    const { gateway } = fixture
    expect((await gateway.run(['storage', 'migrate'])).stdout).toContain('does not exist yet')
    moveTo(fixture, await freshDatabase())
    const first = await gateway.run(['storage', 'migrate'])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('001-messages')
    expect((await gateway.run(['storage', 'migrate'])).stdout).toContain('is up to date')
    expect((await gateway.run(['storage', 'status'])).stdout).toMatch(
      /^PostgreSQL {2}postgres:\/\/127\.0\.0\.1:\d+\/test_/,
    )
  },
)
