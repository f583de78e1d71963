import { expect, test } from 'vitest'
import { MessageFixture, silent } from '../../test/support/message-fixture.ts'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { TestTool } from '../../test/support/steps/test-tool.ts'
import { findModel, ModelSettings } from '../conversation/model-settings.ts'
import type { Model } from '../conversation/model.ts'
import { SIMULATED_MODELS } from '../sandbox/messages/model-table.ts'
import { systemClock } from '../support/clock.ts'
import { createModelClient } from './client.ts'
import { readModels } from './models/model-list.ts'

const MODELS = readModels(SIMULATED_MODELS)
const FILLER = 'words '.repeat(200)
const TURNS = 40

test('a chat that outgrows its window is compacted, and continues in a form that the strict API accepts', async () => {
  const sandbox = await useSandbox()
  sandbox.control.answer({ thinks: true })
  const tool = new TestTool('look', 'read')
  const door = new StaticDoor(credentialOf(sandbox.apiKey(), 'api-key'))
  const models = {
    current: () => ({ source: 'provider', fetchedAt: 0, models: MODELS }) as const,
    find: (id: string) => findModel(MODELS, id),
  }
  const failures: unknown[] = []
  const model = createModelClient({
    baseUrl: sandbox.url,
    door,
    health: {
      succeeded() {},
      usageLimited: (at) => void failures.push(at),
      unavailable: (_, reason) => void failures.push(reason),
      misconfigured: (message) => void failures.push(message),
    },
    clock: systemClock,
    userAgent: 'hermes-gateway/test',
    headers: {},
    model: 'claude-sonnet-5-5',
    log: silent,
  })
  const settings = new ModelSettings({
    config: { default: 'claude-sonnet-5-5', maxTokens: 2_000, contextLength: 12_000, effort: 'auto' },
    overrides: {},
    models,
    warn() {},
  })
  let compacting = 0
  const counted: Model = {
    ...model,
    compact: async (...asked) => {
      compacting++
      return await model.compact!(...asked).finally(() => compacting--)
    },
  }
  await using fixture = await MessageFixture.start({
    messaging: { model: counted, settings, tools: [tool], system: async () => 'Be kind.' },
  })
  const epochs: string[] = []
  fixture.messaging.observer.subscribe((fact) => {
    if (fact.kind === 'epoch') epochs.push(fact.reason)
  })
  const answered = async () =>
    (await fixture.rows('a')).filter(({ role, state }) => role === 'assistant' && state === 'answered').length
  for (let turn = 1; turn <= TURNS; turn++) {
    await fixture.say('a', turn % 3 === 0 ? '!tool look' : `${turn} ${FILLER}`)
    while ((await answered()) < turn || compacting > 0) await fixture.rest()
    // What was compacted is stored.
    await fixture.rest()
  }
  expect(failures).toEqual([])
  const compactions = epochs.filter((reason) => reason === 'compaction').length
  expect(compactions).toBeGreaterThanOrEqual(2)
  expect(epochs.filter((reason) => reason !== 'compaction')).toEqual(['new'])
  const { total } = await fixture.storage.conversations.usage('chat:a')
  const [bill] = sandbox.state().bill
  expect(total).toEqual({
    inputTokens: bill!.input,
    outputTokens: bill!.output,
    cacheReadTokens: bill!.cacheRead,
    cacheWriteTokens: bill!.cacheWrite5m + bill!.cacheWrite1h,
  })
})
