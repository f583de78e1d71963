import { CredentialGate } from '../anthropic/credential-gate.ts'
import type { Model } from '../conversation/model.ts'
import { CombinedGate, type Gate } from '../inbox/gate/gate.ts'
import { ProviderGate } from '../inbox/gate/provider-gate.ts'
import { followGate, rememberedGate } from '../inbox/gate/remembered-gate.ts'
import type { OpenStore } from '../storage/open-store.ts'
import type { Runtime } from './runtime.ts'

export interface ModelParts {
  /** May requests be sent to the model now? */
  readonly gate: Gate
  readonly model: Model
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
  return {
    gate: new CombinedGate([credential, provider]),
    model: lazyModel(config.model.contextLength, () =>
      import('../anthropic/client.ts').then(({ createModelClient }) =>
        createModelClient({
          baseUrl: config.model.baseUrl,
          door: keeper,
          health: provider,
          clock,
          userAgent: config.auth.oauth.userAgent,
          headers: {},
          model: config.model.default,
          contextTokens: config.model.contextLength,
          log,
        }),
      ),
    ),
  }
}

/**
 * Loaded with the first request: the SDK takes a fifth of the gateway's memory and half of its
 * start, and an idle gateway needs neither.
 */
function lazyModel(contextTokens: number, load: () => Promise<Model>): Model {
  let loading: Promise<Model> | null = null
  return {
    answer: async (request, options) => (await (loading ??= load())).answer(request, options),
    contextTokens: () => contextTokens,
  }
}
