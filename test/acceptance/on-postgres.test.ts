import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { freshDatabase } from '../support/stores/postgres.ts'

interface Page {
  readonly items: ReadonlyArray<{ readonly role: string; readonly text: string; readonly state: string }>
}

test(
  'a gateway on PostgreSQL answers, survives kill -9 in the middle of an answer, and its commands find everything',
  PROCESS_TEST,
  async () => {
    const url = await freshDatabase()
    await using fixture = await BotFixture.start({
      config: { storage: { url } },
      env: { HERMES_SECRET_KEY: randomBytes(32).toString('base64') },
      sandbox: { answer: { delayMs: 300 } },
      start: false,
    })
    const { gateway, sandbox } = fixture
    const empty = await gateway.run(['queue', 'list'])
    expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining('has no database yet')])
    const before = await gateway.run(['doctor', '--json'])
    expect(databaseFindings(before.stdout)).toEqual([
      { id: 'database', level: 'ok', message: expect.stringMatching(/the next start migrates it/) },
    ])

    await gateway.start()
    expect((await gateway.say('a', 'one', 'id-1')).status).toBe(202)
    const transcript = async () =>
      (await gateway.json<Page>('/api/conversations/a/messages')).items.map(
        ({ role, state, text }) => `${role} ${state}: ${text}`,
      )
    await expect.poll(transcript).toEqual(['user answered: one', 'assistant answered: Echo: one'])
    expect((await gateway.say('a', 'two', 'id-2')).status).toBe(202)
    await fixture.until(() => sandbox.requests.some(({ text }) => text === 'two'), 'the second question')
    await gateway.kill('SIGKILL')
    await gateway.start()
    // Delivered answers are not requested again; the running one is.
    expect((await gateway.say('a', 'one', 'id-1')).status).toBe(202)
    await expect
      .poll(transcript, { timeout: 30_000 })
      .toEqual([
        'user answered: one',
        'assistant answered: Echo: one',
        'user answered: two',
        'assistant answered: Echo: two',
      ])

    fixture.telegram.say(501, 'from Telegram')
    await fixture.until(() => fixture.shown(501).length === 1, 'the answer on Telegram')
    expect(fixture.shown(501)).toEqual(['Echo: from Telegram'])
    const exported = await gateway.run(['data', 'export', 'telegram', '501'])
    expect(JSON.stringify(JSON.parse(exported.stdout))).toContain('from Telegram')
    const deleted = await gateway.run(['data', 'delete', 'telegram', '501', '--yes'])
    expect(deleted.stdout).toContain('2 messages')
    const queue = await gateway.run(['queue', 'list'])
    expect([queue.code, queue.stdout.trim()]).toEqual([0, 'The queue is empty.'])
    const backup = await gateway.run(['backup', `${gateway.home}/copy`])
    expect([backup.code === 0, backup.stderr]).toEqual([false, expect.stringContaining('pg_dump')])
    const after = await gateway.run(['doctor', '--json'])
    expect(databaseFindings(after.stdout)).toEqual([
      { id: 'database', level: 'ok', message: expect.stringMatching(/^PostgreSQL .*: ready$/) },
    ])
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    const status = await gateway.run(['status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ queue: { held: 0, received: 0, parked: 0 } })
  },
)

function databaseFindings(json: string): readonly unknown[] {
  const { items } = JSON.parse(json) as {
    readonly items: ReadonlyArray<{ readonly id: string; readonly level: string; readonly message: string }>
  }
  return items
    .filter(({ id }) => id.startsWith('database'))
    .map(({ id, level, message }) => ({ id, level, message }))
}
