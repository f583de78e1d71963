import { listQueue } from '../http/api/list-queue.ts'
import type { QueueChange, QueueItem } from '../http/wire-reports.ts'
import type { List } from '../http/wire.ts'
import type { MessageState } from '../inbox/message.ts'
import { ParkedInputs } from '../inbox/parked-inputs.ts'
import type { Storage } from '../storage/storage.ts'
import { systemClock } from '../support/clock.ts'
import { GatewayApi } from './client/gateway-api.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { resolvePaths, withStorage } from './context.ts'
import { duration, plural, print, printError, printJson, table } from './terminal/output.ts'

/** More than anybody reads; the metrics have the totals. */
const LIST_LIMIT = 1000
const WAITING: readonly MessageState[] = ['received', 'answering', 'held', 'parked']

export async function queueListCommand(
  options: GlobalOptions & { readonly state: MessageState | undefined; readonly json: boolean },
): Promise<ExitCode> {
  const items = await withStorage(options, ({ inbox }) =>
    listQueue({ inbox, inputs: inputsOf(inbox) }, options.state ? [options.state] : WAITING, LIST_LIMIT),
  )
  if (!items) {
    if (options.json) printJson({ items: [] } satisfies List<QueueItem>)
    return options.json ? EXIT.ok : EXIT.failed
  }
  if (options.json) {
    printJson({ items } satisfies List<QueueItem>)
    return EXIT.ok
  }
  if (items.length === 0) {
    print('The queue is empty.')
    return EXIT.ok
  }
  const now = Date.now()
  print(
    table([
      ['ID', 'STATE', 'AGE', 'CONVERSATION', 'REASON'],
      ...items.map((item) => [
        item.id,
        item.state,
        duration(now - Date.parse(item.at)),
        item.conversation,
        item.reason ?? '',
      ]),
    ]),
  )
  if (items.some((item) => item.state === 'parked')) print('\nRetry a message: hermes queue retry ID')
  return EXIT.ok
}

export async function queueRetryCommand(
  options: GlobalOptions & { readonly id: string | undefined; readonly all: boolean },
): Promise<ExitCode> {
  if ((options.id === undefined) === !options.all) {
    printError('pass the ID of one message, or --all.')
    return EXIT.usage
  }
  const paths = resolvePaths(options)
  // Through the running gateway, if there is one, so that it retries immediately.
  const api = await GatewayApi.connect(paths.home, paths.gatewayToken)
  const ids = options.id === undefined ? await parkedIds(options) : [options.id]
  let retried = 0
  for (const id of ids) {
    const done = api
      ? await api.call<QueueChange>('POST', `/api/queue/${encodeURIComponent(id)}/retry`).then(
          () => true,
          () => false,
        )
      : await withStorage(
          options,
          async ({ inbox }) => (await inbox.retry(id, Date.now())) !== null || inputsOf(inbox).retry(id),
        )
    if (done) retried++
  }
  if (options.id !== undefined && retried === 0) {
    printError(
      `no held or parked message has the ID ${options.id}. "hermes queue list" shows all waiting messages.`,
    )
    return EXIT.failed
  }
  print(retried === 0 ? 'No messages to retry.' : `Retrying ${plural(retried, 'message')}.`)
  return EXIT.ok
}

async function parkedIds(options: GlobalOptions): Promise<readonly string[]> {
  const items = await withStorage(options, ({ inbox }) =>
    listQueue({ inbox, inputs: inputsOf(inbox) }, ['parked'], LIST_LIMIT),
  )
  return (items ?? []).map((item) => item.id)
}

export async function queueDropCommand(options: GlobalOptions & { readonly id: string }): Promise<ExitCode> {
  const paths = resolvePaths(options)
  const api = await GatewayApi.connect(paths.home, paths.gatewayToken)
  const dropped = api
    ? await api.call<QueueChange>('POST', `/api/queue/${encodeURIComponent(options.id)}/drop`).then(
        () => true,
        () => false,
      )
    : await withStorage(
        options,
        async ({ inbox }) =>
          (await inbox.drop(options.id, Date.now())) !== null || inputsOf(inbox).remove(options.id),
      )
  if (!dropped) {
    printError(
      `no held or parked message has the ID ${options.id}. "hermes queue list" shows all waiting messages.`,
    )
    return EXIT.failed
  }
  print('Message dropped.')
  return EXIT.ok
}

function inputsOf(inbox: Storage['inbox']): ParkedInputs {
  return new ParkedInputs(inbox, systemClock)
}
