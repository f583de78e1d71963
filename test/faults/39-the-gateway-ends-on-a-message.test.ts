import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { emailPlatform } from '../support/platforms/email/email-platform.ts'
import { whyWithoutMail, withoutMailServers } from '../support/platforms/email/mail-host.ts'
import { MatrixServer } from '../support/platforms/matrix/matrix-server.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import type { TcpProxy } from '../support/processes/tcp-proxy.ts'
import { until } from '../support/until.ts'

/** An end without a mark, two behind one, and whatever parks it has to survive. */
const DEATHS = 3
const ADA = '@ada:test'
const ROOM = '!private:test'

interface Queue {
  readonly items: ReadonlyArray<{
    readonly id: string
    readonly state: string
    readonly reason: string | null
  }>
}

/** The process ends whenever it reads one message; the file of that message never comes, so it is killed there. */
interface Poisoned {
  readonly gateway: GatewayProcess
  /** How often the file was asked for. */
  readonly asked: () => number
  readonly say: (text: string) => unknown
  readonly shown: () => readonly string[]
  /** From now on it can be read. */
  readonly repair: () => void
}

/** @returns the answers */
async function story(poisoned: Poisoned): Promise<readonly string[]> {
  const { gateway, asked, say, shown, repair } = poisoned
  const read = async () => {
    const before = asked()
    await gateway.start()
    await until(() => asked() > before, 'the message to be read', 60_000)
  }
  for (let death = 0; death < DEATHS; death++) {
    await read()
    // It waits behind the one that is read.
    if (death === 0) await say('and now?')
    await gateway.kill('SIGKILL')
  }
  const before = asked()
  await gateway.start()
  await until(() => shown().includes('Echo: and now?'), 'the answer to the next message', 60_000)
  expect(asked()).toBe(before)
  const queue = async () =>
    (JSON.parse((await gateway.run(['queue', 'list', '--json'])).stdout) as Queue).items
  const items = await queue()
  expect(items).toEqual([
    expect.objectContaining({
      state: 'parked',
      reason: 'the gateway ended twice while reading this message',
      input: expect.any(String),
    }),
  ])
  expect((await gateway.run(['queue', 'list'])).stdout).toContain('hermes queue retry ID')
  const { id } = items[0]!
  // It ends the process once more: read again on request alone, it is parked again.
  expect((await gateway.run(['queue', 'retry', id])).code).toBe(0)
  await until(() => asked() > before, 'it to be read again', 60_000)
  await gateway.kill('SIGKILL')
  const again = asked()
  await gateway.start()
  await expect.poll(queue, { timeout: 60_000 }).toEqual([
    expect.objectContaining({
      id,
      state: 'parked',
      reason: 'the gateway ended again while reading this message',
    }),
  ])
  expect(asked()).toBe(again)
  repair()
  expect((await gateway.run(['queue', 'retry', id])).code).toBe(0)
  await until(() => shown().includes('Echo: poison'), 'the answer to what was parked', 60_000)
  expect(await queue()).toEqual([])
  await say('thank you')
  await until(() => shown().includes('Echo: thank you'), 'another answer', 60_000)
  return shown().filter((text) => text.startsWith('Echo: '))
}

const ANSWERS = ['Echo: and now?', 'Echo: poison', 'Echo: thank you']

test('Telegram: a message on which the gateway ends again and again is parked', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({ start: false })
  const { telegram, gateway } = fixture
  telegram.fail('getFile', { kind: 'hang' }, 1_000)
  const file_id = telegram.addFile(Buffer.from('text'))
  const document = { file_id, file_unique_id: 'u', file_name: 'a.txt', mime_type: 'text/plain', file_size: 4 }
  telegram.say(501, null, { message: { document, caption: 'poison' } })
  const answers = await story({
    gateway,
    asked: () => telegram.callsOf('getFile').length,
    say: (text) => telegram.say(501, text),
    shown: () => fixture.shown(501),
    repair: () => telegram.restore(),
  })
  expect(answers).toEqual(ANSWERS)
})

/** A gateway, not started yet, whose model repeats what it is asked. */
async function prepareGateway(
  stack: AsyncDisposableStack,
  { channels, env }: { readonly channels: object; readonly env: Readonly<Record<string, string>> },
): Promise<GatewayProcess> {
  const sandbox = await startSandbox({ marked: false })
  stack.defer(() => sandbox.close())
  sandbox.control.answer({ style: 'echo' })
  return stack.use(
    await GatewayProcess.prepare({
      config: { model: { base_url: sandbox.url }, channels },
      env: { ...env, ANTHROPIC_API_KEY: sandbox.apiKey() },
    }),
  )
}

test('Matrix: an event on which the gateway ends again and again is parked', PROCESS_TEST, async () => {
  await using server = await MatrixServer.start()
  await using stack = new AsyncDisposableStack()
  const gateway = await prepareGateway(stack, {
    channels: { matrix: { api_root: server.apiRoot, allowed_users: [ADA] } },
    env: { MATRIX_ACCESS_TOKEN: MatrixServer.token },
  })
  const { rooms } = server
  await gateway.start()
  // What is there at the first look of a new gateway counts as read.
  const hasLooked = () => server.callsOf('sync').some(({ query }) => query.has('since'))
  await until(hasLooked, 'the first look', 60_000)
  rooms.openRoom(ROOM, [ADA])
  rooms.say(ROOM, ADA, 'hello')
  const shown = () => rooms.shown(ROOM).map(({ text }) => text)
  await until(() => shown().includes('Echo: hello'), 'the first answer', 60_000)
  await gateway.kill('SIGTERM')
  server.delays.set('download', new Promise(() => {}))
  const url = server.addMedia(Buffer.from('text'))
  const info = { mimetype: 'text/plain', size: 4 }
  rooms.say(ROOM, ADA, 'before')
  rooms.say(ROOM, ADA, 'poison', { msgtype: 'm.file', filename: 'a.txt', url, info })
  const answers = await story({
    gateway,
    asked: () => server.callsOf('download').length,
    say: (text) => rooms.say(ROOM, ADA, text),
    shown: () => shown().filter((text) => !/hello|before/.test(text)),
    repair: () => server.delays.delete('download'),
  })
  expect(answers).toEqual(ANSWERS)
  expect(shown()).toContain('Echo: before')
})

test.skipIf(withoutMailServers)(
  `E-mail: a mail on which the gateway ends again and again is parked${whyWithoutMail}`,
  PROCESS_TEST,
  async () => {
    await using platform = await emailPlatform()
    await using stack = new AsyncDisposableStack()
    const gateway = await prepareGateway(stack, platform)
    const shown = () => platform.answers(1).map((text) => text.trim())
    await gateway.start()
    await platform.say(1, 'hello')
    await until(() => shown().includes('Echo: hello'), 'the first answer', 60_000)
    await gateway.kill('SIGTERM')
    const [imap] = platform.lines as readonly TcpProxy[]
    // The second mail of the folder is never read to its end.
    imap!.swallow = /UID FETCH 2 .*BODY\.PEEK\[\]/
    await platform.say(1, 'poison')
    const answers = await story({
      gateway,
      asked: () => imap!.swallowed,
      say: (text) => platform.say(1, text),
      shown: () => shown().filter((text) => !text.includes('hello')),
      repair: () => (imap!.swallow = null),
    })
    expect(answers).toEqual(ANSWERS)
  },
)

test('Telegram: ends in order while a message is read park nothing', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({ start: false })
  const { telegram, gateway } = fixture
  telegram.fail('getFile', { kind: 'hang' }, 1_000)
  const file_id = telegram.addFile(Buffer.from('text'))
  const document = { file_id, file_unique_id: 'u', file_name: 'a.txt', mime_type: 'text/plain', file_size: 4 }
  telegram.say(501, null, { message: { document, caption: 'a file' } })
  for (let life = 0; life < DEATHS + 2; life++) {
    const before = telegram.callsOf('getFile').length
    await gateway.start()
    await until(() => telegram.callsOf('getFile').length > before, 'the message to be read', 60_000)
    await gateway.kill('SIGTERM')
  }
  telegram.restore()
  await gateway.start()
  await until(() => fixture.shown(501).length > 0, 'the answer', 60_000)
  expect(fixture.shown(501).join('\n')).toContain('a file')
})
