import '../support/processes/no-gateway-left.ts'
import { expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { MatrixRooms } from '../support/platforms/matrix/matrix-rooms.ts'
import { MatrixServer } from '../support/platforms/matrix/matrix-server.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { until } from '../support/until.ts'

const ADA = '@ada:test'
const EVE = '@eve:test'
const PRIVATE = '!private:test'
const SEALED = '!sealed:test'

/** A gateway with one operator on Matrix, and no credential: it is to be signed in from there. */
async function story() {
  const server = await MatrixServer.start()
  const sandbox = await startSandbox({ marked: false })
  sandbox.control.answer({ style: 'echo' })
  const gateway = await GatewayProcess.prepare({
    config: {
      model: { base_url: sandbox.url },
      auth: {
        oauth: {
          authorize_url: sandbox.authorizeUrl,
          token_urls: [sandbox.tokenUrl],
          redirect_uri: sandbox.redirectUri,
        },
      },
      gateway: { operators: [`matrix:${ADA}`] },
      channels: { matrix: { api_root: server.apiRoot } },
    },
    env: { MATRIX_ACCESS_TOKEN: MatrixServer.token },
  })
  return {
    server,
    sandbox,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await sandbox.close()
    },
  }
}

test(
  'an operator invites the bot, signs it in from the phone, and the held messages are answered once, through every kill',
  PROCESS_TEST,
  async () => {
    await using all = await story()
    const { server, sandbox, gateway } = all
    const { rooms } = server
    const shown = (room: string) => rooms.shown(room).map(({ text }) => text)
    const said = (room: string, words: string) =>
      until(() => shown(room).find((text) => text.includes(words)), `"${words}"`, 60_000).catch((error) => {
        throw new Error(`${String(error)}\n${shown(room).join('\n')}\n${gateway.stderr.slice(-3_000)}`)
      })
    await gateway.start()

    // Who opens a private chat writes at once; a stranger is not even answered.
    rooms.openRoom(PRIVATE, [ADA], { withBot: false })
    rooms.invite(PRIVATE, ADA)
    rooms.say(PRIVATE, ADA, 'are you there?')
    rooms.openRoom('!strange:test', [EVE], { withBot: false })
    rooms.invite('!strange:test', EVE)
    await said(PRIVATE, 'Your message is saved')
    await until(
      () => rooms.rooms.get('!strange:test')!.members.get(MatrixRooms.bot)?.membership === 'leave',
      'the declining',
    )

    // Killed while a message comes in.
    rooms.say(PRIVATE, ADA, 'and now?')
    await gateway.restart('SIGKILL')

    rooms.say(PRIVATE, ADA, '!login')
    await said(PRIVATE, 'Reply "I understand"')
    rooms.say(PRIVATE, ADA, 'I understand')
    const address = await said(PRIVATE, sandbox.authorizeUrl)
    const paste = sandbox.authorize(/http\S+/.exec(address)![0])
    const pasted = rooms.say(PRIVATE, ADA, paste)
    await said(PRIVATE, 'Echo: are you there?')
    await said(PRIVATE, 'and now?')
    expect(rooms.event(PRIVATE, pasted)!.content).toEqual({})
    expect(gateway.stored().some(({ text }) => text.includes(paste))).toBe(false)
    expect(gateway.stderr + gateway.stdout).not.toContain(paste.split('#')[0])

    // An encrypted room is told once, over restarts.
    rooms.openRoom(SEALED, [ADA], { withBot: false })
    rooms.encrypt(SEALED, ADA)
    rooms.invite(SEALED, ADA)
    rooms.push(SEALED, 'm.room.encrypted', ADA, { algorithm: 'm.megolm.v1.aes-sha2' })
    await said(SEALED, 'encrypted end to end')
    await gateway.restart('SIGKILL')
    rooms.push(SEALED, 'm.room.encrypted', ADA, { algorithm: 'm.megolm.v1.aes-sha2' })
    rooms.say(PRIVATE, ADA, 'last words')
    await said(PRIVATE, 'Echo: last words')
    expect(shown(SEALED).length).toBe(1)
    expect(shown(PRIVATE).filter((text) => text.includes('last words')).length).toBe(1)
    expect(shown(PRIVATE).filter((text) => text.includes('Your message is saved')).length).toBe(1)
    // The alert came before the operator had written anywhere: it has a room of its own, and only one.
    expect(server.callsOf('createRoom').length).toBe(1)

    const doctor = await gateway.run(['doctor'])
    expect(doctor.stdout).toContain(`accepts the token of ${MatrixRooms.bot}`)
    const status = await gateway.run(['status'])
    expect(status.stdout).toMatch(/matrix\s+connected\s+@hermes:test/)
  },
)
