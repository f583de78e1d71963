import type { ModelInfo } from '../../../src/conversation/model-settings.ts'

/** A model of which nothing is known but its id, and what is given here. */
export function modelInfo(id: string, known: Partial<ModelInfo> = {}): ModelInfo {
  return {
    id,
    name: id,
    lifecycle: 'active',
    retiresAt: null,
    contextTokens: null,
    maxTokens: null,
    efforts: null,
    thinking: null,
    serverTools: null,
    compaction: null,
    ...known,
  }
}
