import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { Routes } from './routes.ts'
import type { Streams } from './streams/sse.ts'

export interface DoorParts {
  readonly routes: Routes
  readonly streams: Streams
  readonly clock: Clock
  readonly log: Log
}

/** A way in of its own, beside the page and its API. Adds its routes; what it returns ends it. */
export type Door = (parts: DoorParts) => { close(): void }
