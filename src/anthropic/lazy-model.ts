import type { Model } from '../conversation/model.ts'
import type { ModelClientOptions } from './client.ts'

/**
 * The model client, loaded with the first question: the SDK is a fifth of the gateway's
 * memory and half of its start, and a gateway that waits for messages needs neither.
 */
export function lazyModelClient(options: ModelClientOptions): Model {
  let loading: Promise<Model> | null = null
  const load = () =>
    (loading ??= import('./client.ts').then(({ createModelClient }) => createModelClient(options)))
  return {
    answer: async (request, answerOptions) => (await load()).answer(request, answerOptions),
    contextTokens: () => options.contextTokens,
  }
}
