import { decide, ACCEPT_ALL, type Decision, type Judge, type SourcePolicy } from './decision.ts'
import type { CredentialSource } from './source.ts'

interface ResolveOptions {
  readonly judge?: Judge
  /** The account of the sign-in held so far: another source is adopted only for the same. */
  readonly account?: string | null
}

/** The one way in which the gateway, the commands and the alerts learn which credential is in use. */
export interface Resolver {
  resolve(options?: ResolveOptions): Promise<Decision>
  /** Calls `listener` within 5 s after anything that `resolve` reads may have changed. */
  watch(listener: () => void): Disposable
}

/** @param sources in order of precedence */
export function createResolver(sources: readonly CredentialSource[], policy: SourcePolicy): Resolver {
  return {
    async resolve({ judge = ACCEPT_ALL, account = null } = {}) {
      const readings = await Promise.all(sources.map((source) => source.read()))
      return decide(readings.flat(), policy, judge, account)
    },
    watch(listener) {
      const watches = sources.map((source) => source.watch(listener))
      return {
        [Symbol.dispose]() {
          for (const watch of watches) watch[Symbol.dispose]()
        },
      }
    },
  }
}
