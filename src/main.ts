import { PULL_CHANNELS } from './channels/channel.ts'
import { openMessages } from './gateway/messages.ts'
import { openModel } from './gateway/model.ts'
import { openOperations } from './gateway/operations.ts'
import { openOutside } from './gateway/outside.ts'
import { createRuntime, type GatewayOptions, type Runtime } from './gateway/runtime.ts'
import { openStore, type OpenStore } from './storage/open-store.ts'

/** A gateway that runs. */
export interface Gateway {
  readonly url: string
  /** The port is not the one requested. */
  readonly moved: boolean
  /** A fresh one-use address of the page. */
  pageAddress(): string
  /** One line for a service manager's status. */
  statusLine(): string
  /** Rejects when the event loop, the store or the dispatcher does not work. */
  alive(): Promise<void>
  /** Starts no new turn or refresh; current turns are finished or returned to the queue. Never rejects. */
  stop(): Promise<void>
}

/**
 * Composes and starts the parts, from the inside out; they stop in the reverse order.
 *
 * @throws why a part did not start; the parts started before are stopped
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const runtime = createRuntime(options)
  const { lifecycle, credentials } = runtime
  await using starting = new AsyncDisposableStack()

  const store = await openStoreOf(runtime, starting)
  const model = await openModel(runtime, store, starting)
  // An open refresh may take longer than the current answers, so neither waits for the other.
  const parts = lifecycle.stopConcurrently(starting, 'credential keeper', () => credentials.keeper.stop())
  const messages = await openMessages(runtime, store, model)
  const operations = await openOperations(runtime, store, model, messages, parts)
  const server = await openOutside(runtime, store, model, messages, operations, parts)

  await operations.startWatching(parts)
  await lifecycle.run('credential keeper', () => credentials.start())
  await messages.startAnswering(parts)
  await operations.startReadiness(parts)
  const { moved } = await lifecycle.run('port', () => server.listen())
  await messages.startPlatforms(parts)
  await model.startCatalogue(parts)
  operations.alerts.checkRoutes()

  const running = starting.move()
  const { readiness } = operations
  return {
    url: server.url,
    moved,
    pageAddress: () => server.pageAddress(),
    statusLine() {
      const holding = readiness.holding()
      return holding === null ? 'ready' : `${holding.status}${holding.reason ? ` (${holding.reason})` : ''}`
    },
    async alive() {
      await store.storage.inbox.counts()
      if (!messages.messaging.dispatcher.isWorking())
        throw new Error('the dispatcher does not start queued messages')
    },
    stop: () => running.disposeAsync(),
  }
}

/** The store, and this process's membership in the fleet; both stop last. */
async function openStoreOf(runtime: Runtime, stack: AsyncDisposableStack): Promise<OpenStore> {
  const { lifecycle } = runtime
  return await lifecycle.start(stack, 'store', {
    async start() {
      const store = await openStore({ ...runtime, pullChannels: PULL_CHANNELS })
      lifecycle.onStop(stack, 'fleet', () => store.fleet.stop())
      return store
    },
    stop: (opened) => opened?.storage.close(),
  })
}
