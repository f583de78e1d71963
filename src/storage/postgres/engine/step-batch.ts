import { type Accepted, type AcceptRequest, type Fence } from '../../../inbox/arrival.ts'
import type { Lease, LeaseRequest, TurnOutcome, TurnTerms } from '../../../inbox/lease.ts'
import { Changes } from '../../policy/changes.ts'
import {
  decideFinish,
  needsOutage,
  needsWithdrawn,
  settlementsOf,
  type OutageFacts,
} from '../../policy/finish.ts'
import { decideResult, decideStep, journalHead, type ResultRows } from '../../policy/journal.ts'
import {
  beginningOf,
  decideBegin,
  decideLease,
  grantedLease,
  holdsLease,
  isGranted,
  type Granted,
} from '../../policy/lease.ts'
import { needsBooked } from '../../policy/ledger.ts'
import { countSteps, findCall, readJournal } from '../../records/journal.ts'
import { countBooked } from '../../records/ledger.ts'
import { readContext } from '../../records/queue.ts'
import type { MessageRow } from '../../rows/rows.ts'
import type { Transaction } from '../connection/database.ts'
import { asStored } from '../connection/statements.ts'
import { acceptWithMoves, decideRequest, fenceKey, formerHolder, readHeldFences } from '../inbox/accept.ts'
import { commit, type StoreContext } from '../inbox/apply.ts'
import { ArrivalRows } from '../inbox/arrival-rows.ts'
import { readEnding, readOutage, readWithdrawn } from '../inbox/finish.ts'
import { FIRST_READ, historyOf, readHeads, type Head, type HeadRequest } from '../inbox/heads.ts'
import { isOwnerGone } from '../inbox/lease.ts'
import { waitingRows, type ConversationRow } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import { lockConversations, type LockedConversations } from './lock-conversations.ts'
import type { TurnsOfTransaction } from './shared-turns.ts'
import type { StepResult } from './step-engine.ts'
import { conversationOf, placesOf, targetsOf, type Step } from './steps.ts'

type AcceptStep = Extract<Step, { kind: 'accept' }>
type LeaseStep = Extract<Step, { kind: 'lease' }>
type FinishStep = Extract<Step, { kind: 'finish' }>
type DraftStep = Extract<Step, { kind: 'draft' }>
type TurnStep = Extract<Step, { kind: 'step' }>
type ResultStep = Extract<Step, { kind: 'result' }>

/** After these nothing but the queue decides when the conversation's next turn is. */
const SETTLES: ReadonlySet<TurnOutcome['kind']> = new Set(['answered', 'refused', 'parked', 'stopped'])

/** The conversation of a lease that is asked for, and everything that is read of it. */
interface LeaseCase {
  readonly conversation: ConversationRow
  readonly head: Head
  readonly waiting: readonly MessageRow[]
  readonly ownerGone: boolean
}

/** What the steps of a batch are decided from. */
interface Loaded {
  readonly arrivals: ArrivalRows
  readonly heads: ReadonlyMap<number, Head>
  readonly leases: ReadonlyMap<LeaseStep, LeaseCase>
  readonly ending: ReadonlyMap<number, readonly MessageRow[]>
  readonly outages: ReadonlyMap<number, OutageFacts>
  readonly withdrawn: ReadonlyMap<number, readonly MessageRow[]>
  readonly booked: ReadonlyMap<Step, number>
  readonly stored: ReadonlyMap<TurnStep, number>
  readonly calls: ReadonlyMap<ResultStep, ResultRows['call']>
}

/** A lease whose history is still to be read. */
interface Grant {
  readonly conversation: ConversationRow
  readonly granted: Granted
  readonly head: Head
  readonly historyLimit: number
  /** The context of a message that arrived in this batch; undefined = it is stored. */
  readonly context: Lease['context'] | null | undefined
}

/** One attempt of the steps of a transaction: lock and read, decide, write. */
export class StepBatch {
  readonly #tx: Transaction
  readonly #context: StoreContext
  readonly #turns: TurnsOfTransaction
  readonly #steps: readonly Step[]
  readonly #queues: boolean
  readonly #changes: Changes
  readonly #results = new Map<Step, StepResult>()
  readonly #beginning = new Map<Step, TurnTerms>()
  readonly #drafts: Array<{ readonly key: number; readonly draft: string }> = []

  /** @param queues the one step queues for rows that others have locked, instead of skipping them */
  constructor(
    tx: Transaction,
    context: StoreContext,
    turns: TurnsOfTransaction,
    steps: readonly Step[],
    queues = false,
  ) {
    this.#tx = tx
    this.#context = context
    this.#turns = turns
    this.#steps = steps
    this.#queues = queues
    this.#changes = new Changes(context.pullChannels)
  }

  async run(): Promise<readonly StepResult[]> {
    // Sent together. The channels first: for who does not hold them, nothing is created.
    const [held, locked] = await Promise.all([
      readHeldFences(this.#tx, fencesOf(this.#steps)),
      lockConversations(this.#tx, targetsOf(this.#steps), this.#queues),
    ])
    const steps = this.#withLocks(locked).filter((step) => this.#mayRun(step, held))
    const [first] = steps
    if (first?.kind === 'accept' && first.alone) {
      const value = await acceptWithMoves(this.#tx, this.#context, first.request)
      return [{ kind: 'done', value }]
    }
    if (steps.length > 0) await this.#runTogether(steps, locked)
    return this.#steps.map((step) => this.#results.get(step) ?? { kind: 'locked' })
  }

  /** The steps whose rows are locked by this transaction. One conversation has one step. */
  #withLocks({ rows, at, withId }: LockedConversations): readonly Step[] {
    const used = new Set<number>()
    return this.#steps.filter((step) => {
      const keys =
        step.kind === 'accept'
          ? placesOf(step.request.arrivals).map(({ channel, address }) => at(channel, address))
          : [withId(conversationOf(step))]
      const known = [...new Set(keys)].filter((key) => key !== null)
      if (!known.every((key) => rows.has(key) && !used.has(key))) return false
      for (const key of known) used.add(key)
      return true
    })
  }

  #mayRun(step: Step, held: ReadonlySet<string>): boolean {
    const fence = step.kind === 'accept' ? step.request.fence : null
    if (!fence || held.has(fenceKey(fence))) return true
    this.#results.set(step, { kind: 'refused', error: formerHolder(fence) })
    return false
  }

  async #runTogether(steps: readonly Step[], locked: LockedConversations): Promise<void> {
    const loaded = await this.#load(steps, locked)
    const grants = new Map<Step, Grant>()
    for (const step of steps) {
      const row =
        step.kind === 'accept' ? null : (locked.rows.get(locked.withId(conversationOf(step)) ?? 0) ?? null)
      if (step.kind === 'accept') this.#accept(step, loaded, grants)
      else if (!row) this.#withoutConversation(step)
      else if (step.kind === 'lease') this.#lease(step, loaded.leases.get(step)!, grants)
      else if (step.kind === 'finish') this.#finish(step, row, loaded)
      else if (step.kind === 'draft') this.#draft(step, row, loaded)
      else this.#journal(step, row, loaded)
    }
    await this.#handOut(grants)
    await this.#commit()
  }

  #withoutConversation(step: Exclude<Step, AcceptStep>): void {
    if (step.kind === 'finish') this.#changes.settlements.push(...settlementsOf(step.lease, step.outcome))
    this.#done(step, step.kind === 'lease' ? null : false)
  }

  async #load(steps: readonly Step[], locked: LockedConversations): Promise<Loaded> {
    const tx = this.#tx
    const accepts = steps.filter((step): step is AcceptStep => step.kind === 'accept')
    const arrivals = new ArrivalRows()
    const wanted = new Map<Step, HeadRequest>()
    for (const step of accepts) this.#reserve(step, locked, wanted)
    const ending: number[] = []
    const inOutage: number[] = []
    const stopped: Array<readonly [key: number, messages: readonly string[]]> = []
    for (const step of steps) {
      if (step.kind === 'accept') continue
      const key = locked.withId(conversationOf(step))
      if (key === null) continue
      if (step.kind === 'lease') {
        wanted.set(step, { conversation: key, historyLimit: step.request.historyLimit })
      } else ending.push(key)
      if (step.kind !== 'finish') continue
      if (needsOutage(step.outcome)) inOutage.push(key)
      if (needsWithdrawn(locked.rows.get(key)!, step.lease, step.outcome)) {
        stopped.push([key, step.lease.messages])
      }
    }
    // Sent together, executed in order: the reads are protected by the locks.
    const [heads, endings, outages, withdrawn] = await Promise.all([
      readHeads(tx, [...wanted.values()]),
      readEnding(tx, ending),
      Promise.all(inOutage.map(async (key) => [key, await readOutage(tx, key)] as const)),
      Promise.all(stopped.map(async ([key, ids]) => [key, await readWithdrawn(tx, key, ids)] as const)),
      accepts.length > 0 && arrivals.load(tx, together(accepts), this.#context.waitingTotal),
    ])
    const leases = new Map<LeaseStep, LeaseCase>()
    const booked = new Map<Step, number>()
    const stored = new Map<TurnStep, number>()
    const calls = new Map<ResultStep, ResultRows['call']>()
    await Promise.all(
      steps.map(async (step) => {
        if (step.kind === 'step' || step.kind === 'result') {
          const head = journalHead(endings.get(locked.withId(conversationOf(step)) ?? 0) ?? [])
          if (step.kind === 'step') stored.set(step, await runSteps(tx, countSteps(head)))
          else calls.set(step, await runSteps(tx, findCall(head, step.result)))
          return
        }
        if (step.kind === 'finish' && needsBooked(step.outcome)) {
          const key = locked.withId(conversationOf(step))
          if (key !== null) booked.set(step, await runSteps(tx, countBooked(key, step.lease.turnId)))
        }
        const request = wanted.get(step)
        if (step.kind !== 'lease' || !request) return
        const conversation = locked.rows.get(request.conversation)!
        leases.set(step, await this.#loadLease(step.request, conversation, heads.get(request.conversation)!))
      }),
    )
    const rows = { outages: new Map(outages), withdrawn: new Map(withdrawn) }
    return { arrivals, heads, leases, ending: endings, ...rows, booked, stored, calls }
  }

  /** What a lease needs where it is not the usual one: all waiting messages, and whether another owner is dead. */
  async #loadLease(request: LeaseRequest, conversation: ConversationRow, head: Head): Promise<LeaseCase> {
    const first = head.waiting ?? []
    const isUsual = conversation.lease_turn === null && first.length < FIRST_READ
    if (isUsual) return { conversation, head, waiting: first, ownerGone: false }
    const [waiting, ownerGone] = await Promise.all([
      waitingRows(this.#tx, [conversation.key]),
      conversation.lease_turn !== null && isOwnerGone(this.#tx, conversation, request.owner),
    ])
    return { conversation, head, waiting: waiting.get(conversation.key) ?? [], ownerGone }
  }

  /** Keeps room for the turn of a message whose conversation seems to have no other work. */
  #reserve(step: AcceptStep, locked: LockedConversations, wanted: Map<Step, HeadRequest>): void {
    const message = beginningOf(step.request)
    if (!message) return
    const key = locked.at(message.channel, message.address)
    const conversation = key === null ? null : locked.rows.get(key)!
    if (conversation && (conversation.lease_turn !== null || conversation.wake_job !== null)) return
    const terms = this.#turns.reserve()
    if (!terms) return
    this.#beginning.set(step, terms)
    if (key !== null) wanted.set(step, { conversation: key, historyLimit: terms.historyLimit })
  }

  #done(step: Step, value: unknown): void {
    this.#results.set(step, { kind: 'done', value })
  }

  #accept(step: AcceptStep, loaded: Loaded, grants: Map<Step, Grant>): void {
    const accepted = decideRequest(step.request, loaded.arrivals, this.#changes)
    this.#done(step, accepted)
    const terms = this.#beginning.get(step)
    if (terms) this.#begin(step, terms, accepted[0]!, loaded, grants)
  }

  /** Begins the turn of a message that has just arrived, if nothing else of its conversation waits. */
  #begin(
    step: AcceptStep,
    terms: TurnTerms,
    accepted: Accepted,
    { arrivals, heads }: Loaded,
    grants: Map<Step, Grant>,
  ): void {
    const { channel, address, context = null } = beginningOf(step.request)!
    const found = arrivals.find(channel, address)?.conversation
    if (!found) return
    const { row: conversation, waiting } = found
    // Of a conversation that began with this message nothing was read.
    const isFirst = waiting[0]?.seq === 1
    const head = heads.get(conversation.key) ?? (isFirst ? emptyHead(conversation.key) : null)
    if (!head || conversation.wake_job !== null) return
    const isFree = (head.waiting ?? []).length === 0
    const given = { conversation, waiting, isFree, accepted }
    const granted = decideBegin(given, terms, step.request.now, this.#changes)
    if (granted === null) return
    this.#turns.begin(conversation, this.#changes)
    grants.set(step, { conversation, granted, head, historyLimit: terms.historyLimit, context })
  }

  #lease(
    step: LeaseStep,
    { conversation, head, waiting, ownerGone }: LeaseCase,
    grants: Map<Step, Grant>,
  ): void {
    const { request } = step
    const rows = { conversation, waiting, complete: true, ownerGone }
    const granted = decideLease(rows, request, this.#changes)
    if (!isGranted(granted)) return this.#done(step, granted === 'more' ? null : granted)
    grants.set(step, { conversation, granted, head, historyLimit: request.historyLimit, context: undefined })
  }

  #finish(step: FinishStep, conversation: ConversationRow, loaded: Loaded): void {
    const { lease, outcome, now } = step
    const waiting = loaded.ending.get(conversation.key) ?? []
    const withdrawn = loaded.withdrawn.get(conversation.key) ?? []
    const isOver = holdsLease(conversation, lease) && SETTLES.has(outcome.kind)
    const outage = loaded.outages.get(conversation.key) ?? null
    const rows = { conversation, waiting, outage, withdrawn, booked: loaded.booked.get(step) ?? 0 }
    this.#done(step, decideFinish(rows, lease, outcome, now, this.#changes))
    if (isOver) this.#turns.settle(conversation, waiting, this.#changes)
  }

  #draft(step: DraftStep, conversation: ConversationRow, { ending }: Loaded): void {
    const answering = (ending.get(conversation.key) ?? []).find(({ state }) => state === 'answering')
    const mayWrite = answering !== undefined && holdsLease(conversation, step.lease)
    if (mayWrite) this.#drafts.push({ key: answering.key, draft: step.draft })
    this.#done(step, mayWrite)
  }

  #journal(step: TurnStep | ResultStep, conversation: ConversationRow, loaded: Loaded): void {
    const { lease, now } = step
    const rows = { conversation, waiting: loaded.ending.get(conversation.key) ?? [] }
    const saved =
      step.kind === 'step'
        ? decideStep({ ...rows, stored: loaded.stored.get(step)! }, lease, step.step, now, this.#changes)
        : decideResult({ ...rows, call: loaded.calls.get(step)! }, lease, step.result, now, this.#changes)
    this.#done(step, saved)
  }

  /** Completes the leases. Nothing may fail after the commit was sent. */
  async #handOut(grants: ReadonlyMap<Step, Grant>): Promise<void> {
    await Promise.all(
      [...grants].map(async ([step, { conversation, granted, head, historyLimit, context }]) => {
        const [history, brought, journal] = await Promise.all([
          historyOf(this.#tx, conversation, head, historyLimit),
          context === undefined ? runSteps(this.#tx, readContext(granted.rows[0]!)) : context,
          runSteps(this.#tx, readJournal(granted.rows[0]!)),
        ])
        const handout = { history, summary: head.summary, context: brought, journal }
        const lease = grantedLease(conversation, granted, handout)
        if (step.kind === 'lease') this.#done(step, lease)
        else this.#turns.add(withStored(lease, brought))
      }),
    )
  }

  /** All statements are sent together and executed in order. */
  async #commit(): Promise<void> {
    const { removed } = await this.#turns.sendRemovals(this.#tx)
    const [keys, drafts] = [this.#drafts.map(({ key }) => key), this.#drafts.map(({ draft }) => draft)]
    const drafted = keys.length > 0 && this.#tx.query(DRAFTS, [keys, drafts])
    await Promise.all([removed, drafted, commit(this.#tx, this.#context, this.#changes)])
  }
}

const DRAFTS = `UPDATE hermes.messages m SET draft = d.draft
  FROM unnest($1::bigint[], $2::text[]) AS d (key, draft) WHERE m.key = d.key`

function fencesOf(steps: readonly Step[]): readonly Fence[] {
  return steps.flatMap((step) => (step.kind === 'accept' && step.request.fence ? [step.request.fence] : []))
}

/** What is read for all requests; each one is decided by its own terms. */
function together(accepts: readonly AcceptStep[]): AcceptRequest {
  const requests = accepts.map(({ request }) => request)
  const inOutage = requests.find(({ outage }) => outage !== null)
  return { ...(inOutage ?? requests[0]!), arrivals: requests.flatMap(({ arrivals }) => arrivals) }
}

function emptyHead(key: number): Head {
  return { key, waiting: null, summary: null, history: null }
}

/** A lease of a message that was not read from the database, as if it had been. */
function withStored(lease: Lease, context: Lease['context'] | null): Lease {
  const messages = asStored(lease.messages)
  return context ? { ...lease, messages, context: asStored(context) } : { ...lease, messages }
}
