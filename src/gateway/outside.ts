import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Uploads } from '../channels/web/uploads.ts'
import { prepareGatewayToken, readGatewayToken } from '../config/home/gateway-token.ts'
import { TokenList } from '../http/access/token-list.ts'
import { programEndpoints } from '../http/program-endpoints.ts'
import { HttpServer } from '../http/server.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { watchFile } from '../support/files/file-watch.ts'
import type { Log } from '../support/log.ts'
import { PACKAGE_ROOT } from '../support/package.ts'
import type { Secret } from '../support/secret.ts'
import { apiServices } from './api-services.ts'
import type { Messages } from './messages.ts'
import type { ModelParts } from './model.ts'
import type { Operations } from './operations.ts'
import type { Runtime } from './runtime.ts'

/**
 * The HTTP server, which does not listen yet; its stop closes the port and ends the event streams. A token
 * that is removed or replaced in its file while the gateway runs ends at once.
 */
export async function openOutside(
  runtime: Runtime,
  store: OpenStore,
  model: ModelParts,
  messages: Messages,
  operations: Operations,
  stack: AsyncDisposableStack,
): Promise<HttpServer> {
  const { settings, clock, log, lifecycle } = runtime
  const { config, paths } = settings
  const { host, port, publicUrls } = config.gateway
  const tokenList = join(paths.home, 'gateway-tokens.json')
  const tokens = await TokenList.open(tokenList)
  const uploads = new Uploads(join(paths.home, 'uploads'), clock)
  uploads.sweepRegularly()
  lifecycle.onStop(stack, 'uploads', () => uploads[Symbol.dispose]())
  const server = await lifecycle.start(stack, 'http server', {
    start: () =>
      new HttpServer({
        host,
        port,
        whenTaken: settings.sandbox ? 'move' : 'wait',
        publicUrls,
        gatewayToken: prepareGatewayToken(paths.gatewayToken, host).token,
        tokens,
        services: apiServices(runtime, store, model, messages, operations, uploads),
        metrics: operations.metrics,
        endpoints: programEndpoints({
          config,
          channels: messages.channels,
          messaging: messages.messaging,
          conversations: store.storage.conversations,
          gate: model.gate,
        }),
        pageFolder: fileURLToPath(new URL('dist/web', PACKAGE_ROOT)),
        clock,
        log,
      }),
    stop: (server) => server?.close(),
  })
  const watches = [
    watchFile(paths.gatewayToken, () => {
      const token = tokenIn(paths.gatewayToken, log)
      if (token && server.replaceGatewayToken(token))
        log.info('gateway.token was replaced: the old one and its sessions have ended')
    }),
    watchFile(tokenList, () => {
      server.reloadTokens().catch((err: unknown) => log.warn({ err }, 'the narrower tokens were not read'))
    }),
  ]
  lifecycle.onStop(stack, 'token files', () => {
    for (const watch of watches) watch[Symbol.dispose]()
  })
  return server
}

/** Null: missing, empty or not readable, as in the middle of a replacement; the present one stays. */
function tokenIn(path: string, log: Log): Secret | null {
  try {
    return readGatewayToken(path)
  } catch (err) {
    log.warn({ err }, 'gateway.token was not read')
    return null
  }
}
