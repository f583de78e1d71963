import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import type { MessageFault } from '../../src/sandbox/faults/fault-names.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { freePort } from '../support/processes/free-port.ts'
import { TOOL_GATEWAY } from '../support/processes/gateway-process.ts'
import { TcpProxy } from '../support/processes/tcp-proxy.ts'
import { CONTINUED, OutageTurn } from '../support/steps/outage-turn.ts'
import { STORAGE } from '../support/stores/storage-choice.ts'
import { pause } from '../support/until.ts'

const ADA = 501
/** How long the provider fails. */
const FAILS_MS = 3_000

interface World {
  readonly fixture: BotFixture
  readonly turn: OutageTurn
  /** Between the gateway and the provider. */
  readonly line: { proxy: TcpProxy }
}

interface Outage {
  readonly name: string
  /**
   * Brings it about while the first response is written. Resolves when the turn is held, with the function that ends it.
   */
  readonly act: (world: World) => Promise<() => Promise<unknown>>
  /** The second response was asked for more than once. */
  readonly isAskedAgain: boolean
  readonly isSkipped?: boolean
}

/** The provider does this to the second request, and to those that follow for a while. */
function failing(name: string, fault: Omit<MessageFault, 'target'>): Outage {
  return {
    name,
    isAskedAgain: true,
    async act({ fixture }) {
      const handle = fixture.sandbox.control.fault({ target: 'messages', forMs: FAILS_MS, ...fault })
      await fixture.until(() => handle.struck > 0, 'the failure')
      return async () => {}
    },
  }
}

const OUTAGES: readonly Outage[] = [
  {
    name: 'the sign-in ends and its refresh is refused',
    isAskedAgain: true,
    async act({ fixture }) {
      fixture.sandbox.control.revoke()
      await fixture.untilState('needs-login')
      return () => fixture.signedIn({ tokenLifetimeSeconds: 3_600 })
    },
  },
  failing('the usage limit is reached', { fault: 'usage-limit', resetInMs: FAILS_MS }),
  failing('the provider asks to slow down', { fault: 'rate-limit', retryAfter: 2 }),
  failing('the provider fails with 500', { fault: '500' }),
  failing('the provider is overloaded', { fault: 'overloaded-529' }),
  failing('the provider closes the connection', { fault: 'reset' }),
  failing('the stream ends in the middle, once', { fault: 'truncated-stream', afterDeltas: 2, times: 1 }),
  failing('every stream is reset in the middle', { fault: 'reset-mid-stream', afterDeltas: 2 }),
  failing('every stream breaks off with an error', { fault: 'error-mid-stream', afterDeltas: 2 }),
  {
    name: 'the provider refuses connections',
    // Nobody hears the tries, but for one that was under way.
    isAskedAgain: false,
    async act({ fixture, turn, line }) {
      await turn.toolBegun()
      const { port } = line.proxy
      await line.proxy[Symbol.asyncDispose]()
      await pause(FAILS_MS)
      return async () => (line.proxy = await TcpProxy.to(fixture.sandbox.port, port))
    },
  },
  {
    name: 'another program keeps the database locked',
    isAskedAgain: false,
    // A database server locks no other writer out.
    isSkipped: STORAGE === 'postgres',
    async act({ fixture, turn }) {
      await turn.requested(2, fixture.sandbox)
      const other = new DatabaseSync(join(fixture.gateway.home, 'hermes.db'), { timeout: FAILS_MS })
      other.exec('BEGIN IMMEDIATE')
      await fixture.untilState('store')
      return async () => other.close()
    },
  },
  {
    name: 'the gateway is asked to stop',
    isAskedAgain: true,
    async act({ fixture: { sandbox, gateway }, turn }) {
      sandbox.control.fault({ target: 'messages', fault: 'hang', times: 1 })
      await turn.requested(2, sandbox)
      expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
      return () => gateway.start()
    },
  },
]

test.concurrent.each(OUTAGES.filter(({ isSkipped }) => !isSkipped))(
  'when $name between two steps, the turn continues with the same step: nothing is asked or run twice',
  PROCESS_TEST,
  async ({ act, isAskedAgain }) => {
    using turn = new OutageTurn()
    const port = await freePort()
    const line = { proxy: await TcpProxy.to(port) }
    await using stack = new AsyncDisposableStack()
    stack.defer(() => line.proxy[Symbol.asyncDispose]())
    await using fixture = await BotFixture.start({
      bin: TOOL_GATEWAY,
      processEnv: { STEPS_FOLDER: turn.folder },
      sandbox: { ...turn.sandboxOptions, port },
      config: { model: { base_url: `http://127.0.0.1:${line.proxy.port}` } },
      apiKey: false,
      start: false,
    })
    const { telegram, sandbox, gateway } = fixture
    await fixture.signedIn({ tokenLifetimeSeconds: 3_600 })
    const soul = join(gateway.home, 'SOUL.md')
    writeFileSync(soul, 'You are as you were.')
    await gateway.start()
    telegram.say(ADA, turn.question)
    await turn.requested(1, sandbox)
    const end = await act({ fixture, turn, line })
    // Another process, or the same one later, sends what the first request of the turn has sent.
    writeFileSync(soul, 'You have changed.')
    await end()
    expect(await turn.continued(sandbox, () => fixture.shown(ADA))).toEqual(CONTINUED)
    expect(turn.tries(sandbox) > 1).toBe(isAskedAgain)
  },
)
