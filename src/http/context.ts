import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** What a handler sees of a request. `env` is missing where no socket is behind it. */
export type Env = { Bindings: Partial<HttpBindings> }
export type RequestContext = Context<Env>
