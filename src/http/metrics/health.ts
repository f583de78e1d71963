import { API_HEADERS, json } from '../answers.ts'
import type { Readiness } from '../api/services.ts'
import type { Routes } from '../routes.ts'
import type { ReadyReport } from '../wire.ts'

/** The paths of probes, which use the machine's address, so `Host` is not checked. */
export const PROBE_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

const OK = JSON.stringify({ status: 'ok' })

/**
 * `/healthz`: the process works. `/readyz`: messages can be answered; 503 with the
 * state and its reason while they cannot.
 */
export function addHealthRoutes(routes: Routes, readiness: () => Readiness): void {
  routes.open('GET', '/healthz', () => new Response(OK, { headers: API_HEADERS }))
  routes.open('GET', '/readyz', () => {
    const state = readiness()
    return state.ready
      ? json<ReadyReport>(200, { status: 'ready' })
      : json<ReadyReport>(503, { status: state.status, reason: state.reason })
  })
}
