import { CredentialGate } from '../anthropic/credential-gate.ts'
import { ModelCatalogue } from '../anthropic/models/model-catalogue.ts'
import { ModelSettings } from '../conversation/model-settings.ts'
import type { Model } from '../conversation/model.ts'
import { CombinedGate, type Gate } from '../inbox/gate/gate.ts'
import { ProviderGate } from '../inbox/gate/provider-gate.ts'
import { followGate, rememberedGate } from '../inbox/gate/remembered-gate.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { CacheRecord } from '../usage/cache-record.ts'
import type { Runtime } from './runtime.ts'

export interface ModelParts {
  /** May requests be sent to the model now? */
  readonly gate: Gate
  readonly model: Model
  readonly catalogue: ModelCatalogue
  /** What the conversations have read from the provider's cache. */
  readonly cacheRecord: CacheRecord
  readonly settings: ModelSettings
  /** Begins to ask the provider for its models, in the background. */
  startCatalogue(stack: AsyncDisposableStack): Promise<void>
}

/** The model, and the gates that decide when it may be used. */
export async function openModel(
  { settings, credentials, clock, log, onProblem, lifecycle }: Runtime,
  { storage, fleet }: OpenStore,
  stack: AsyncDisposableStack,
): Promise<ModelParts> {
  const { config } = settings
  const { keeper } = credentials
  const { facts } = storage
  const { texts } = config.gateway
  const { remembered, remember } = await rememberedGate(facts, onProblem, () =>
    fleet.notify({ kind: 'gate' }),
  )
  const provider = await lifecycle.start(stack, 'provider gate', {
    start: () => new ProviderGate({ clock, texts, remembered, remember, onProblem }),
    stop: (gate) => gate?.stop(),
  })
  followGate(provider, facts, (listener) => fleet.listen(listener), onProblem)
  const openIncident = await storage.incidents.current()
  const credential = new CredentialGate({
    keeper,
    notice: texts.held,
    remembered: openIncident && { id: openIncident.id, since: openIncident.openedAt },
    onProblem,
  })
  const catalogue = new ModelCatalogue({
    baseUrl: config.model.baseUrl,
    userAgent: config.auth.oauth.userAgent,
    headers: {},
    path: settings.paths.models,
    door: keeper,
    keeper,
    clock,
    log,
    onProblem,
  })
  await catalogue.load()
  return {
    gate: new CombinedGate([credential, provider]),
    catalogue,
    cacheRecord: new CacheRecord(log, onProblem),
    settings: new ModelSettings({
      config: config.model,
      overrides: config.overrides,
      models: catalogue,
      warn: (sentence) => log.warn(sentence),
    }),
    model: lazyModel(() =>
      import('../anthropic/client.ts').then(({ createModelClient }) =>
        createModelClient({
          baseUrl: config.model.baseUrl,
          door: keeper,
          health: provider,
          clock,
          userAgent: config.auth.oauth.userAgent,
          headers: {},
          model: config.model.default,
          log,
        }),
      ),
    ),
    startCatalogue: (parts) =>
      lifecycle.start(parts, 'list of models', {
        start: async () => catalogue.start(),
        stop: () => catalogue.stop(),
      }),
  }
}

/**
 * Loaded with the first request: the SDK takes a fifth of the gateway's memory and half of its
 * start, and an idle gateway needs neither.
 */
function lazyModel(load: () => Promise<Model>): Model {
  let loading: Promise<Model> | null = null
  return {
    answer: async (request, options) => (await (loading ??= load())).answer(request, options),
    compact: async (request, options) => (await (loading ??= load())).compact?.(request, options) ?? null,
  }
}
