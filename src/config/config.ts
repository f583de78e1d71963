import { alerts } from './sections/alerts.ts'
import { auth } from './sections/auth.ts'
import { budgets } from './sections/budgets.ts'
import { channels } from './sections/channels.ts'
import { gateway } from './sections/gateway.ts'
import { model } from './sections/model.ts'
import { overrides } from './sections/overrides.ts'
import { storage } from './sections/storage.ts'
import { tools } from './sections/tools.ts'
import { webhooks } from './sections/webhooks.ts'
import { section } from './shape/section.ts'
import type { ValueOf } from './shape/shape.ts'

/**
 * Every key of `config.yaml`, declared once: its shape, its default and the sentence
 * that describes it. The type below, the check at a start, the JSON Schema for
 * editors, the example and the reference page all come from here.
 */
export const CONFIG = section({
  model,
  tools,
  budgets,
  overrides,
  auth,
  gateway,
  storage,
  alerts,
  webhooks,
  channels,
})

/**
 * The configuration as the program uses it: checked, complete, in camelCase, with
 * durations in milliseconds and secrets wrapped.
 */
export type Config = ValueOf<typeof CONFIG>

export type ModelConfig = Config['model']
export type OverridesConfig = Config['overrides']
export type OAuthConfig = Config['auth']['oauth']
export type GatewayConfig = Config['gateway']
export type RetentionConfig = GatewayConfig['retention']
/** Who may run /login and operator commands, written `telegram:12345`. */
export type Operator = GatewayConfig['operators'][number]
export type AlertRouteConfig = Config['alerts'][number]
/** An endpoint for other programs: `POST /hooks/<name>`. */
export type WebhookConfig = Config['webhooks'][number]
