import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepareGatewayToken } from '../config/home/gateway-token.ts'
import { TokenList } from '../http/access/token-list.ts'
import { programEndpoints } from '../http/program-endpoints.ts'
import { HttpServer } from '../http/server.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { PACKAGE_ROOT } from '../support/package.ts'
import { apiServices } from './api-services.ts'
import type { Messages } from './messages.ts'
import type { ModelParts } from './model.ts'
import type { Operations } from './operations.ts'
import type { Runtime } from './runtime.ts'

/** The HTTP server, which does not listen yet; its stop closes the port and ends the event streams. */
export async function openOutside(
  runtime: Runtime,
  store: OpenStore,
  { gate }: ModelParts,
  messages: Messages,
  operations: Operations,
  stack: AsyncDisposableStack,
): Promise<HttpServer> {
  const { settings, clock, log, lifecycle } = runtime
  const { config, paths } = settings
  const { host, port, publicUrls } = config.gateway
  const tokens = await TokenList.open(join(paths.home, 'gateway-tokens.json'))
  return await lifecycle.start(stack, 'http server', {
    start: () =>
      new HttpServer({
        host,
        port,
        whenTaken: settings.sandbox ? 'move' : 'wait',
        publicUrls,
        gatewayToken: prepareGatewayToken(paths.gatewayToken, host).token,
        tokens,
        services: apiServices(runtime, store, messages, operations),
        metrics: operations.metrics,
        endpoints: programEndpoints({
          config,
          channels: messages.channels,
          messaging: messages.messaging,
          conversations: store.storage.conversations,
          gate,
        }),
        pageFolder: fileURLToPath(new URL('dist/web', PACKAGE_ROOT)),
        clock,
        log,
      }),
    stop: (server) => server?.close(),
  })
}
