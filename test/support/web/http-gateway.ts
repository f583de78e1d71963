import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Uploads } from '../../../src/channels/web/uploads.ts'
import { WebChannel } from '../../../src/channels/web/web-channel.ts'
import type { Conversations } from '../../../src/conversation/conversations.ts'
import type { InboundEvent, Receiver } from '../../../src/conversation/receiver.ts'
import { TokenList } from '../../../src/http/access/token-list.ts'
import type { ApiServices, DashboardService, Readiness } from '../../../src/http/api/services.ts'
import { statusReport } from '../../../src/http/api/status-report.ts'
import { timelineReport } from '../../../src/http/api/timeline-report.ts'
import { Metrics, type MetricSources } from '../../../src/http/metrics/metrics.ts'
import { HttpServer, type HttpServerOptions } from '../../../src/http/server.ts'
import { Changes } from '../../../src/http/streams/changes.ts'
import type { StatusReport } from '../../../src/http/wire-reports.ts'
import type { Accepted } from '../../../src/inbox/arrival.ts'
import { ConversationEvents } from '../../../src/inbox/fleet/conversation-events.ts'
import type { Holding } from '../../../src/inbox/gate/readiness.ts'
import type { Attachment, ConversationId, StoredMessage } from '../../../src/inbox/message.ts'
import { MINUTE, systemClock } from '../../../src/support/clock.ts'
import { createLog } from '../../../src/support/log.ts'
import { Secret } from '../../../src/support/secret.ts'
import { rethrow } from '../rethrow.ts'

export const TEST_TOKEN = 'TEST-gateway-token-0123456789abcdef'

/** Conversations in memory: enough of a store for what stands before it. */
export class MemoryChat implements Receiver, Pick<Conversations, 'changes' | 'messages' | 'list'> {
  readonly events = new ConversationEvents(rethrow)
  readonly attachments = new Map<string, Attachment>()
  readonly #rows = new Map<ConversationId, StoredMessage[]>()
  #revision = 0
  /** The next messages are accepted as these say; default: `received`. */
  outcome: Partial<Accepted> = {}
  /** Thrown by the next `receive`. */
  failure: Error | null = null
  /** Called after each accepted message. */
  onMessage: (conversationId: ConversationId, message: StoredMessage) => void = () => {}

  async mayTalk(): Promise<boolean> {
    return true
  }

  async receive(channel: string, items: readonly InboundEvent[]): Promise<readonly Accepted[]> {
    if (this.failure) throw this.failure
    return await Promise.all(items.map((item) => this.#accept(channel, item)))
  }

  async #accept(channel: string, item: InboundEvent): Promise<Accepted> {
    if (item.kind !== 'message') throw new Error('only messages')
    const conversationId = `${channel}:${item.address}`
    const known = this.rows(conversationId).find((row) => row.platformMessageId === item.platformMessageId)
    const result = { conversationId, holdFull: false, outbox: false, withdrawn: 0 }
    if (known) return { ...result, messageId: known.id, state: known.state, duplicate: true }
    const loaded = await Promise.all(item.attachments.map((load) => load()))
    const infos = loaded.map((attachment) => {
      const id = randomUUID()
      this.attachments.set(id, attachment)
      return { id, mediaType: attachment.mediaType, name: attachment.name, size: attachment.bytes.length }
    })
    const row = this.add(conversationId, {
      role: 'user',
      text: item.text,
      state: this.outcome.state ?? 'received',
      platformMessageId: item.platformMessageId,
      personId: item.person.id,
      attachments: infos,
    })
    this.onMessage(conversationId, row)
    return { ...result, messageId: row.id, state: row.state, duplicate: false, ...this.outcome }
  }

  rows(conversationId: ConversationId): StoredMessage[] {
    let rows = this.#rows.get(conversationId)
    if (!rows) this.#rows.set(conversationId, (rows = []))
    return rows
  }

  add(conversationId: ConversationId, given: Partial<StoredMessage>): StoredMessage {
    const rows = this.rows(conversationId)
    const row: StoredMessage = {
      id: randomUUID(),
      conversationId,
      seq: rows.length + 1,
      role: 'assistant',
      text: '',
      preface: null,
      blocks: null,
      state: 'answered',
      reason: null,
      platformMessageId: null,
      personId: null,
      personName: null,
      attachments: [],
      about: null,
      at: Date.now(),
      answeredBy: null,
      ...given,
      revision: ++this.#revision,
    }
    rows.push(row)
    this.events.changed(conversationId)
    return row
  }

  change(conversationId: ConversationId, id: string, change: Partial<StoredMessage>): void {
    const rows = this.rows(conversationId)
    const at = rows.findIndex((row) => row.id === id)
    rows[at] = { ...rows[at]!, ...change, revision: ++this.#revision }
    this.events.changed(conversationId)
  }

  async changes(conversationId: ConversationId, after: number, limit: number) {
    await new Promise((resolve) => setImmediate(resolve))
    return this.rows(conversationId)
      .filter((row) => row.revision > after)
      .sort((a, b) => a.revision - b.revision)
      .slice(0, limit)
  }

  async messages(
    conversationId: ConversationId,
    options: { readonly limit: number; readonly beforeSeq: number | null },
  ) {
    const { limit, beforeSeq } = options
    const rows = this.rows(conversationId).filter((row) => beforeSeq === null || row.seq < beforeSeq)
    return limit === 0 ? [] : rows.slice(-limit)
  }

  async list(channel: string, within: string, limit: number) {
    return [...this.#rows]
      .filter(([id, rows]) => folderOf(id) === `${channel}:${within}` && rows.length > 0)
      .map(([id, rows]) => ({
        conversation: { id, channel, address: id.slice(channel.length + 1), model: null, effort: null },
        lastAt: rows.at(-1)!.at,
        preview: rows.find((row) => row.role === 'user')?.text.slice(0, 80) ?? '',
      }))
      .sort((a, b) => b.lastAt - a.lastAt)
      .slice(0, limit)
  }
}

/** The beginning of an id, up to the last slash of the address; without one, the channel alone. */
function folderOf(id: ConversationId): string {
  return id.slice(0, Math.max(id.lastIndexOf('/'), id.indexOf(':')) + 1)
}

/** An HTTP server over conversations in memory, on a free port of loopback. */
export interface TestGateway extends AsyncDisposable {
  readonly server: HttpServer
  readonly url: string
  readonly chat: MemoryChat
  readonly channel: WebChannel
  readonly metrics: Metrics
  readonly home: string
  setReadiness(readiness: Readiness): void
  /** What holds messages, where health checks do not report it (yet); null = as they do. */
  setHolding(holding: Holding | null): void
  /** `fetch` with the gateway's own token. */
  call(path: string, init?: RequestInit): Promise<Response>
}

export interface TestGatewayOptions extends Partial<HttpServerOptions> {
  readonly sandbox?: boolean
  readonly services_?: Partial<ApiServices>
  readonly sources?: Partial<MetricSources>
}

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const home = await mkdtemp(join(tmpdir(), 'hermes-http-'))
  const chat = new MemoryChat()
  const channel = new WebChannel(systemClock)
  await channel.start(chat)
  let readiness: Readiness = { ready: true }
  let holding: Holding | null = null
  const listeners = new Set<() => void>()
  const changed = () => {
    for (const listener of listeners) listener()
  }
  const metrics = new Metrics(
    {
      credential: () => ({ state: 'healthy', expiresAt: null, loginExpiresAt: null }),
      held: async () => 0,
      ...options.sources,
    },
    systemClock,
  )
  const services: ApiServices = {
    readiness: () => readiness,
    holding: () =>
      holding ??
      (readiness.ready ? null : { ...readiness, since: Date.now(), nextTryAt: null, trying: false }),
    onStatusChange: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    status: async () => reportOf(readiness),
    incidents: async () => [],
    queue: {
      list: async () => [],
      retry: async (id) => id === 'known',
      retryAll: async () => 3,
      drop: async (id) => id === 'known',
    },
    ledger: { sums: async () => [] },
    chat: channel,
    conversations: chat,
    events: chat.events,
    uploads: new Uploads(join(home, 'uploads'), systemClock),
    attachment: async (id, conversation) =>
      chat.rows(conversation).some((row) => row.attachments.some((info) => info.id === id))
        ? (chat.attachments.get(id) ?? null)
        : null,
    waiting: async () => ({ received: 0, answering: 0, held: 0, parked: 0 }),
    login: null,
    sandbox: options.sandbox ?? false,
    dashboard: quietDashboard(),
    ...options.services_,
  }
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    whenTaken: 'wait',
    publicUrls: [],
    gatewayToken: new Secret(TEST_TOKEN),
    tokens: await TokenList.open(join(home, 'gateway-tokens.json')),
    services,
    metrics,
    pageFolder: join(import.meta.dirname, '../../../dist/web'),
    clock: systemClock,
    log: await createLog({ format: 'json', level: 'error' }),
    ...options,
  })
  await server.listen()
  const { url } = server
  return {
    server,
    url,
    chat,
    channel,
    metrics,
    home,
    setReadiness(next) {
      readiness = next
      changed()
    },
    setHolding(next) {
      holding = next
      changed()
    },
    call: (path, init = {}) =>
      fetch(new URL(path, url), {
        ...init,
        headers: { authorization: `Bearer ${TEST_TOKEN}`, ...(init.headers as Record<string, string>) },
      }),
    async [Symbol.asyncDispose]() {
      metrics.close()
      await server.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** The report of a gateway that has nothing to do. */
function reportOf(readiness: Readiness): StatusReport {
  return statusReport({
    gateway: { running: true, version: '1', pid: 1, url: null, startedAt: null, sandbox: false },
    readiness,
    holding: null,
    credential: {
      state: 'healthy',
      reason: null,
      source: 'own',
      kind: 'oauth',
      renewable: true,
      fingerprint: null,
      expiresAt: null,
      secondsLeft: null,
      loginExpiresAt: null,
      loginExpiryEstimated: false,
      lastRefresh: null,
      nextAttemptAt: null,
      consecutive401: 0,
    },
    channels: [],
    counts: { received: 0, answering: 0, held: 0, parked: 0, oldestAt: null },
    incident: null,
    routes: [],
    warnings: [],
  })
}

/** A dashboard with nothing on it. */
export function quietDashboard(parts: Partial<DashboardService> = {}): DashboardService {
  return {
    changes: new Changes('test', rethrow),
    connections: () => '',
    figures: async ({ from, names }) => ({
      from,
      stepMs: MINUTE,
      values: Object.fromEntries(names.map((name) => [name, []])),
    }),
    timeline: () =>
      timelineReport([], { loginExpiresAt: null, loginExpiryEstimated: false }, null, Date.now()),
    cache: () => ({ readShare: null, possibleShare: null, reasons: [] }),
    text: async (id) => (id === 'known' ? 'the text' : null),
    sandbox: null,
    ...parts,
  }
}

/** `init` for a JSON POST. */
export function post(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
