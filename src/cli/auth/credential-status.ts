import { setTimeout as pause } from 'node:timers/promises'
import type { CredentialParts } from '../../credentials/assemble.ts'
import { admitsRequests } from '../../credentials/keeper/keeper-state.ts'
import type { AuthStatus } from '../../credentials/keeper/status.ts'
import type { StatusReport } from '../../http/wire-reports.ts'
import { SECOND } from '../../support/clock.ts'
import { GatewayApi } from '../client/gateway-api.ts'

/** A gateway on the same machine answers at once, or it does not work. */
const ANSWER_MS = 3 * SECOND
/** A sign-in that was made by any means is adopted by then. */
const ADOPTION_MS = 5 * SECOND
const ASK_AGAIN_MS = 250

export interface CredentialStatus {
  readonly status: AuthStatus
  /** For people; null when there is nothing to say. */
  readonly message: string | null
}

/**
 * The credential of a home: as its running gateway has it, which alone knows what is in
 * memory and under way, else from what is stored.
 *
 * @param parts loaded
 */
export async function credentialStatus({ settings, keeper }: CredentialParts): Promise<CredentialStatus> {
  const stored = keeper.snapshot()
  const { home, gatewayToken } = settings.paths
  const deadline = performance.now() + ADOPTION_MS
  for (;;) {
    const status = await statusOfGateway(home, gatewayToken)
    if (status === null) return { status: stored, message: keeper.message }
    const isAdopting = admitsRequests(stored.state) && !admitsRequests(status.state)
    if (!isAdopting || performance.now() >= deadline) {
      const isSame = status.state === stored.state && status.reason === stored.reason
      return { status, message: isSame ? keeper.message : null }
    }
    await pause(ASK_AGAIN_MS)
  }
}

/** @returns null where no gateway runs, or none answers */
async function statusOfGateway(home: string, tokenFile: string): Promise<AuthStatus | null> {
  try {
    const api = await GatewayApi.connect(home, tokenFile)
    if (api === null) return null
    const response = await api.fetch('GET', '/api/status', undefined, AbortSignal.timeout(ANSWER_MS))
    return response.ok ? ((await response.json()) as StatusReport).credential : null
  } catch {
    return null
  }
}
