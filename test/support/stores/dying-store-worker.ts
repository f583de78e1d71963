/**
 * A store's thread that dies when the fact `die` is to be written, before anything of that batch
 * is durable; everything else is the real thread's work.
 */
import { parentPort } from 'node:worker_threads'
import type { Request } from '../../../src/storage/sqlite/thread/worker.ts'

parentPort!.on('message', (request: Request) => {
  if (request?.some(([name, args]) => name === 'factSet' && args[0] === 'die')) process.exit(1)
})

await import('../../../src/storage/sqlite/thread/worker.ts')
