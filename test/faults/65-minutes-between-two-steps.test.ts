import { expect, test } from 'vitest'
import { createModelClient } from '../../src/anthropic/client.ts'
import { readModels } from '../../src/anthropic/models/model-list.ts'
import { findModel, ModelSettings } from '../../src/conversation/model-settings.ts'
import type { MessageFault } from '../../src/sandbox/faults/fault-names.ts'
import { SIMULATED_MODELS } from '../../src/sandbox/messages/model-table.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { StoreError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture, silent } from '../support/message-fixture.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { credentialOf, StaticDoor } from '../support/provider/static-door.ts'
import { loggedTools } from '../support/steps/logged-tools.ts'
import { CONTINUED, OutageTurn } from '../support/steps/outage-turn.ts'
import { pause } from '../support/until.ts'

/** Outages that take minutes, by a clock that moves faster: the rest is real, but for the process. */

const MODEL = 'claude-sonnet-5-5'
/** Longer than an answer may be silent. */
const SILENT_MS = 6 * MINUTE
const STEP_MS = 5 * SECOND
/** Real time, for a request and its answer. */
const MEANWHILE_MS = 25

class OutageFixture implements AsyncDisposable {
  readonly turn: OutageTurn
  readonly sandbox: Sandbox
  readonly messages: MessageFixture
  readonly disk: { isFull: boolean }

  private constructor(
    sandbox: Sandbox,
    turn: OutageTurn,
    messages: MessageFixture,
    disk: { isFull: boolean },
  ) {
    this.sandbox = sandbox
    this.turn = turn
    this.messages = messages
    this.disk = disk
  }

  static async start(): Promise<OutageFixture> {
    const turn = new OutageTurn()
    const sandbox = await startSandbox({ marked: false, ...turn.sandboxOptions })
    const clock = new FakeClock()
    const models = readModels(SIMULATED_MODELS)
    const find = (id: string) => findModel(models, id)
    const disk = { isFull: false }
    const whenFull = () => {
      if (disk.isFull) throw new StoreError('database or disk is full')
    }
    const messages: MessageFixture = await MessageFixture.start({
      clock,
      messaging: {
        tools: loggedTools(turn.folder),
        settings: new ModelSettings({
          config: { default: MODEL, maxTokens: 4_096, contextLength: 'auto', effort: 'auto' },
          overrides: {},
          models: { current: () => ({ source: 'provider', fetchedAt: 0, models }), find },
          warn() {},
        }),
        model: createModelClient({
          baseUrl: sandbox.url,
          door: new StaticDoor(credentialOf(sandbox.apiKey(), 'api-key')),
          health: {
            succeeded: () => messages.gate.succeeded(),
            usageLimited: (until) => messages.gate.usageLimited(until),
            unavailable: (...failure) => messages.gate.unavailable(...failure),
            misconfigured: (reason) => messages.gate.misconfigured(reason),
          },
          clock,
          userAgent: 'hermes-gateway/test',
          headers: {},
          model: MODEL,
          log: silent,
        }),
      },
      wrapInbox: (inbox) => ({
        ...inbox,
        lease: async (request) => (whenFull(), inbox.lease(request)),
        finish: async (lease, outcome, now) => (whenFull(), inbox.finish(lease, outcome, now)),
      }),
      wrapStorage: (storage) => ({ ...storage, probe: async () => (whenFull(), storage.probe()) }),
    })
    return new OutageFixture(sandbox, turn, messages, disk)
  }

  get shown(): string[] {
    return this.messages.sendChannel.texts('a')
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await this.messages.pass(STEP_MS)
      await pause(MEANWHILE_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.messages[Symbol.asyncDispose]()
    await this.sandbox.close()
    this.turn[Symbol.dispose]()
  }
}

test.each<readonly [string, Omit<MessageFault, 'target'>]>([
  ['never answers', { fault: 'hang', times: 1 }],
  ['falls silent in the middle of its answer', { fault: 'hang-mid-stream', afterDeltas: 2, times: 1 }],
])(
  'when the provider %s between two steps, the same step is asked for again',
  PROCESS_TEST,
  async (_, fault) => {
    await using fixture = await OutageFixture.start()
    const { turn, sandbox, messages } = fixture
    await messages.say('a', turn.question)
    await turn.requested(1, sandbox)
    sandbox.control.fault({ target: 'messages', ...fault })
    await turn.requested(2, sandbox)
    await fixture.pass(SILENT_MS - MINUTE - STEP_MS)
    expect(turn.tries(sandbox)).toBe(1)
    await fixture.pass(2 * MINUTE)
    expect(await turn.continued(sandbox, () => fixture.shown)).toEqual(CONTINUED)
    expect(turn.tries(sandbox)).toBe(2)
  },
)

test(
  'when the disk is full between two steps, the second response waits in memory and is paid for once',
  PROCESS_TEST,
  async () => {
    await using fixture = await OutageFixture.start()
    const { turn, sandbox, messages, disk } = fixture
    await messages.say('a', turn.question)
    await turn.requested(2, sandbox)
    disk.isFull = true
    await fixture.pass(2 * MINUTE)
    expect(messages.messaging.store.ok).toBe(false)
    expect(fixture.shown.join()).not.toContain('Response 1')
    disk.isFull = false
    await fixture.pass(MINUTE)
    expect(await turn.continued(sandbox, () => fixture.shown)).toEqual(CONTINUED)
    expect(turn.tries(sandbox)).toBe(1)
  },
)
