import { parentPort, workerData } from 'node:worker_threads'
import { pause } from '../../../test/support/until.ts'

/**
 * Asks `/healthz` again and again in a thread of its own, whose clock nothing else holds up. Posts
 * the waits in milliseconds when it is told to stop; a request without an answer counts as Infinity.
 */

const EVERY_MS = 50
const PATIENCE_MS = 10_000

const { url } = workerData as { readonly url: string }
const waits: number[] = []
let asking = true
parentPort!.once('message', () => (asking = false))
while (asking) {
  const before = performance.now()
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    await response.text()
    waits.push(response.status === 200 ? performance.now() - before : Infinity)
  } catch (error) {
    console.error('/healthz:', error)
    waits.push(Infinity)
  }
  await pause(EVERY_MS)
}
parentPort!.postMessage(waits, [])
