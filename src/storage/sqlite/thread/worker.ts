import { parentPort, workerData } from 'node:worker_threads'
import { failureOf, runBatch, type Call, type Failure, type Reply } from './batch.ts'
import { Session, type SessionOptions } from './session.ts'

/**
 * The thread that owns the database connection. SQLite's calls block until the disk has taken
 * what they wrote; here they block nobody but the store.
 */

/** To the worker: the operations of one batch; null = close. */
export type Request = readonly Call[] | null

/** From the worker: that it is ready, that it cannot be, that it has closed, or the replies to one batch. */
export type Response =
  | { readonly kind: 'ready'; readonly migrationBackup: string | null }
  | { readonly kind: 'failed'; readonly error: Failure }
  | { readonly kind: 'replies'; readonly replies: readonly Reply[] }
  | { readonly kind: 'closed' }

const port = parentPort
if (port) {
  const post = (response: Response, transfer: readonly ArrayBuffer[] = []) =>
    port.postMessage(response, transfer)
  try {
    const session = new Session(workerData as SessionOptions)
    port.on('message', (request: Request) => {
      if (request === null) {
        session.close()
        post({ kind: 'closed' })
        port.close()
        return
      }
      const replies = runBatch(session, request)
      post({ kind: 'replies', replies }, replies.flatMap(bytesOf))
    })
    post({ kind: 'ready', migrationBackup: session.migrationBackup })
  } catch (error) {
    post({ kind: 'failed', error: failureOf(error) })
    port.close()
  }
}

/** The memory of an attachment that is on its way out: moved to the other thread, not copied. */
function bytesOf(reply: Reply): readonly ArrayBuffer[] {
  if (!reply.ok || typeof reply.value !== 'object' || reply.value === null) return []
  if (!('bytes' in reply.value) || !(reply.value.bytes instanceof Uint8Array)) return []
  const { buffer } = reply.value.bytes
  return buffer instanceof ArrayBuffer ? [buffer] : []
}
