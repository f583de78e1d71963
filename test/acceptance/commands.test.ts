import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ParkedInputs, parkedInput } from '../../src/inbox/parked-inputs.ts'
import { openSqliteStorage } from '../../src/storage/sqlite/storage.ts'
import { systemClock } from '../../src/support/clock.ts'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess, type Finished } from '../support/processes/gateway-process.ts'
import { hermes as runHermes } from '../support/processes/hermes-command.ts'

const ADA = 501
const STRANGER = 777
const START = Date.UTC(2026, 10, 20, 12)

/** What a command prints with `--json`: one object on stdout, and nothing else. */
function jsonOf({ stdout }: Finished): { items?: Array<Record<string, unknown>>; [key: string]: unknown } {
  expect(stdout.trimStart()[0]).toBe('{')
  return JSON.parse(stdout)
}

describe('while a gateway runs', () => {
  let fixture: BotFixture
  const hermes = (args: readonly string[], input?: string) => fixture.gateway.run(args, input)

  beforeAll(async () => {
    fixture = await BotFixture.start({
      env: { TELEGRAM_ALLOWED_USERS: String(ADA) },
      sandbox: { acceptAnyApiKey: false },
    })
  }, PROCESS_TEST.timeout)
  afterAll(() => fixture[Symbol.asyncDispose]())

  test(
    'chat prints the answer to its argument, and to what comes through the pipe',
    PROCESS_TEST,
    async () => {
      const spoken = await hermes(['chat', 'good', 'morning'])
      expect(spoken).toMatchObject({ code: 0, stdout: 'Echo: good morning\n', stderr: '' })
      const piped = await hermes(['chat'], 'first line\nsecond line\n')
      expect(piped).toMatchObject({ code: 0, stdout: 'Echo: first line\nsecond line\n' })
      expect(fixture.sandbox.requests.at(-1)!.turns).toBe(2)
      expect((await hermes(['chat'])).code).toBe(2)
    },
  )

  test('status tells that all is well, in words and as one object', PROCESS_TEST, async () => {
    const words = await hermes(['status'])
    expect(words.stdout).toContain('Answering messages.')
    expect(words.code).toBe(0)
    const json = await hermes(['status', '--json'])
    expect(jsonOf(json)).toMatchObject({
      gateway: { running: true, status: 'ready', url: fixture.gateway.url, pid: fixture.gateway.pid },
      credential: { state: 'healthy', source: 'environment', kind: 'api-key' },
      incident: null,
    })
    expect(json.code).toBe(0)
    const auth = await hermes(['auth', 'status', '--json'])
    expect(jsonOf(auth)).toMatchObject({ state: 'healthy', reason: null, renewable: false })
    expect(auth.code).toBe(0)
  })

  test('wrong usage ends with 2 and says what was meant', PROCESS_TEST, async () => {
    for (const args of [
      ['gatway'],
      ['queue', 'retry'],
      ['queue', 'drop'],
      ['backup'],
      ['status', '--jason'],
    ]) {
      const { code, stdout, stderr } = await hermes(args)
      expect([args, code, stdout]).toEqual([args, 2, ''])
      expect(stderr).not.toBe('')
    }
  })

  test('pairing lets a stranger in and out again', PROCESS_TEST, async () => {
    const { telegram } = fixture
    telegram.say(STRANGER, 'let me in')
    await fixture.until(() => fixture.shown(STRANGER).length === 1, 'the code')
    const code = /approve telegram (\S+)/.exec(fixture.shown(STRANGER)[0]!)![1]!
    const pending = await hermes(['pairing', 'list', '--json'])
    expect(jsonOf(pending).items).toMatchObject([
      { state: 'pending', channel: 'telegram', user: String(STRANGER) },
    ])
    expect(pending.stdout).not.toContain(code)
    expect((await hermes(['pairing', 'approve', 'telegram', 'WRONG234'])).code).toBe(1)
    const approved = await hermes(['pairing', 'approve', 'telegram', code])
    expect(approved).toMatchObject({ code: 0, stderr: '' })
    telegram.say(STRANGER, 'hello')
    await fixture.until(() => fixture.shown(STRANGER).length === 2, 'the answer')
    expect(fixture.shown(STRANGER)[1]).toBe('Echo: hello')
    expect((await hermes(['pairing', 'revoke', 'telegram', String(STRANGER)])).code).toBe(0)
    expect((await hermes(['pairing', 'revoke', 'telegram', String(STRANGER)])).code).toBe(1)
    telegram.say(STRANGER, 'still there?')
    telegram.say(ADA, 'after that')
    await fixture.until(() => fixture.shown(ADA).includes('Echo: after that'), 'the answer')
    expect(fixture.asked('still there?')).toEqual([])
  })

  test('a person gets all that is stored of them, and is forgotten on request', PROCESS_TEST, async () => {
    fixture.telegram.say(ADA, 'remember the blue door')
    await fixture.until(() => fixture.shown(ADA).includes('Echo: remember the blue door'), 'the answer')
    const exported = await hermes(['data', 'export', 'telegram', String(ADA)])
    expect(exported.code).toBe(0)
    expect(JSON.stringify(jsonOf(exported))).toContain('remember the blue door')
    const unsure = await hermes(['data', 'delete', 'telegram', String(ADA)])
    expect(unsure).toMatchObject({ code: 2, stdout: '' })
    expect((await hermes(['data', 'delete', 'telegram', String(ADA), '--yes'])).code).toBe(0)
    expect((await hermes(['data', 'export', 'telegram', String(ADA)])).stdout).not.toContain('blue door')
    fixture.telegram.say(ADA, 'and now?')
    await fixture.until(() => fixture.shown(ADA).includes('Echo: and now?'), 'the answer')
    // The model is told nothing of what was deleted.
    expect(JSON.stringify(fixture.asked('and now?')[0]!.messages)).not.toContain('blue door')
  })

  test('a backup is a whole database without sign-ins, and never overwrites', PROCESS_TEST, async () => {
    const file = join(fixture.gateway.home, 'copy.db')
    expect((await hermes(['backup', file])).code).toBe(0)
    expect((await hermes(['backup', file])).code).toBe(1)
    expect(existsSync(file)).toBe(true)
    expect(readFileSync(file).includes('sk-ant-')).toBe(false)
    using database = new DatabaseSync(file)
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    const texts = database
      .prepare('SELECT text FROM messages')
      .all()
      .map((row) => row['text'])
    expect(texts).toContain('good morning')
  })

  test(
    'the queue is listed, tried again and dropped by hand while the key is dead',
    PROCESS_TEST,
    async () => {
      fixture.sandbox.control.revokeApiKeys()
      for (const text of ['one', 'two']) expect((await fixture.gateway.say(text, text)).status).toBe(202)
      await fixture.untilState('needs-login')
      const listHeld = () => hermes(['queue', 'list', '--state', 'held', '--json'])
      // The first rejection changes the state; the second message may still be on its way to the provider.
      await expect.poll(async () => jsonOf(await listHeld()).items?.length).toBe(2)
      const listed = await listHeld()
      const items = jsonOf(listed).items!
      expect(items).toMatchObject([
        { state: 'held', conversation: 'web:one' },
        { state: 'held', conversation: 'web:two' },
      ])
      expect(listed.stdout).not.toContain('"text"')
      expect((await hermes(['queue', 'list'])).stdout).toContain('web:one')
      expect((await hermes(['queue', 'list', '--state', 'nonsense'])).code).toBe(2)
      expect((await hermes(['queue', 'drop', String(items[0]!['id'])])).code).toBe(0)
      expect((await hermes(['queue', 'drop', 'no-such-id'])).code).toBe(1)
      expect((await hermes(['queue', 'retry', 'no-such-id'])).code).toBe(1)
      expect((await hermes(['queue', 'retry', '--all'])).code).toBe(0)
      expect(jsonOf(await hermes(['queue', 'list', '--json'])).items).toMatchObject([
        { conversation: 'web:two' },
      ])
      const status = await hermes(['status', '--json'])
      expect(jsonOf(status)).toMatchObject({ gateway: { status: 'needs-login' }, queue: { held: 1 } })
      expect(status.code).toBe(3)
      expect(jsonOf(await hermes(['incidents', '--json'])).items).toMatchObject([
        { status: 'needs-login', closedAt: null },
      ])
    },
  )
})

test('a command that finds only the sandbox names its home, and works with that', PROCESS_TEST, async () => {
  await using gateway = await GatewayProcess.start({ args: ['--sandbox'] })
  const sandbox = join(gateway.home, 'sandbox')
  const refused = await gateway.run(['chat', 'hello'])
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain(`reach the running sandbox with --home ${sandbox}.`)
  const answered = runHermes(['chat', 'hello', '--home', sandbox])
  expect(answered).toMatchObject({ code: 0, stderr: '' })
  expect(answered.stdout).toContain('hello')
})

test('without a gateway the commands say so, and those that need none still work', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({ start: false })
  const { gateway } = fixture
  const chat = await gateway.run(['chat', 'hello'])
  expect(chat).toMatchObject({ code: 1, stdout: '' })
  expect(chat.stderr).toContain('hermes gateway')
  const status = await gateway.run(['status', '--json'])
  expect(jsonOf(status)).toMatchObject({ gateway: { running: false, status: 'stopped' } })
  expect(status.code).toBe(1)
  expect((await gateway.run(['queue', 'list', '--json'])).stdout.replaceAll(/\s/g, '')).toBe('{"items":[]}')
  await gateway.start()
  await gateway.say('a', 'hello')
  await gateway.kill('SIGKILL')
  // What a killed gateway left behind is no sign of life.
  expect(jsonOf(await gateway.run(['status', '--json']))).toMatchObject({ gateway: { running: false } })
  expect((await gateway.run(['backup', join(gateway.home, 'copy.db')])).code).toBe(0)
})

test(
  'what was parked before it was read is listed, requested again and dropped by hand',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ start: false })
    const { gateway } = fixture
    const known = { channel: 'telegram', place: '501', reason: 'it ends the gateway', raw: '[]', at: START }
    const [one, two, three] = ['1001', '1002', '1003'].map((input) => parkedInput({ ...known, input }))
    const inStore = async <T>(work: (inputs: ParkedInputs) => Promise<T>) => {
      const storage = await openSqliteStorage({ path: join(gateway.home, 'hermes.db'), pullChannels: [] })
      try {
        return await work(new ParkedInputs(storage.inbox, systemClock))
      } finally {
        await storage.close()
      }
    }
    await inStore(async (inputs) => {
      for (const input of [one!, two!, three!]) await inputs.save(input)
    })
    const listed = await gateway.run(['queue', 'list', '--json'])
    expect(jsonOf(listed).items).toHaveLength(3)
    expect(jsonOf(listed).items).toContainEqual({
      id: one!.id,
      conversation: 'telegram:501',
      state: 'parked',
      reason: 'it ends the gateway',
      at: new Date(START).toISOString(),
      input: '1001',
    })
    const text = (await gateway.run(['queue'])).stdout
    for (const word of [one!.id, 'parked', 'telegram:501', 'it ends the gateway', 'hermes queue retry ID'])
      expect(text).toContain(word)
    expect(jsonOf(await gateway.run(['status', '--json']))).toMatchObject({ queue: { parked: 3 } })
    expect((await gateway.run(['queue', 'drop', one!.id])).code).toBe(0)
    expect((await gateway.run(['queue', 'drop', one!.id])).code).toBe(1)
    expect((await gateway.run(['queue', 'retry', one!.id])).code).toBe(1)
    expect((await gateway.run(['queue', 'retry', two!.id])).stdout).toContain('Retrying 1 message.')
    const states = () =>
      inStore(async (inputs) => (await inputs.list()).map(({ input, state }) => [input, state]))
    expect(new Map((await states()) as Array<[string, string]>)).toEqual(
      new Map([
        ['1002', 'requested'],
        ['1003', 'parked'],
      ]),
    )
    expect((await gateway.run(['queue', 'retry', '--all'])).stdout).toContain('Retrying 1 message.')
    expect((await states()).map(([, state]) => state)).toEqual(['requested', 'requested'])
  },
)
