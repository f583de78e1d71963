import { isRecord } from '../../http.ts'
import { systemBlocks, toolsOf, type Block } from '../content.ts'
import { digest, type Binding } from './signature.ts'

/**
 * Everything before a thinking block, hashed as it grows. Marks of the cache and empty fields do not count;
 * a tool that is loaded only when the model looks for it is no part of the prefix.
 */
export class Prefix {
  readonly system: string
  readonly tools: string
  #messages = ''

  constructor(request: Readonly<Record<string, unknown>>) {
    this.system = digestAll(systemBlocks(request['system']))
    this.tools = digestAll(toolsOf(request['tools']).filter((tool) => tool['defer_loading'] !== true))
  }

  /** Adds a block that is not thinking. */
  add(role: string, block: Block): void {
    this.#messages = digest(`${this.#messages}\n${role}\n${canonical(block)}`)
  }

  get hashes(): Pick<Binding, 'system' | 'tools' | 'messages'> {
    return { system: this.system, tools: this.tools, messages: this.#messages }
  }
}

/** The JSON of a block without marks of the cache and without empty fields; the order of keys counts. */
export function canonical(block: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(block, (_key, value: unknown) => {
    if (!isRecord(value)) return value
    return Object.fromEntries(
      Object.entries(value).filter(([key, field]) => key !== 'cache_control' && field !== null),
    )
  })
}

/** The digest of several blocks, or tools, in their order. */
export function digestAll(blocks: ReadonlyArray<Readonly<Record<string, unknown>>>): string {
  return digest(blocks.map(canonical).join('\n'))
}
