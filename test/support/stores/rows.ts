import { Changes } from '../../../src/storage/policy/changes.ts'
import type { ConversationRow, MessageRow } from '../../../src/storage/rows/rows.ts'

/** The time at which the rows were stored, in epoch milliseconds. */
export const THEN = 1_700_000_000_000

/** A conversation without a lease, as it is stored. */
export function conversationRow(over: Partial<ConversationRow> = {}): ConversationRow {
  return {
    key: 7,
    id: 'telegram:42',
    channel: 'telegram',
    address: '42',
    model: null,
    effort: null,
    next_seq: 10,
    history_from: 0,
    history_characters: 0,
    generation: 3,
    lease_turn: null,
    lease_owner: null,
    lease_at: null,
    stopped_turn: null,
    told_outage: null,
    full_told_at: null,
    last_at: THEN,
    ...over,
  }
}

/** A stored message of a person. Its key is its place, its id is `m` with it. */
export function messageRow(key: number, over: Partial<MessageRow> = {}): MessageRow {
  return {
    key,
    id: `m${key}`,
    seq: key,
    role: 'user',
    state: 'received',
    text: `text ${key}`,
    preface: null,
    reason: null,
    platform_id: `p${key}`,
    person_id: 'anna',
    person_name: 'Anna',
    addressed: true,
    attachments: null,
    about: null,
    at: THEN + key,
    answered_by: null,
    revision: key,
    history_seq: null,
    group_id: null,
    solo: false,
    failures: 0,
    leases: 0,
    not_before: 0,
    held_base: null,
    draft: null,
    frozen: false,
    ...over,
  }
}

/** An empty list of changes; readers of the channel `web` read the store. */
export function noChanges(): Changes {
  return new Changes(new Set(['web']))
}

/** What the changes do to stored messages, by their ids. */
export function changedMessages(changes: Changes) {
  return Object.fromEntries(
    [...changes.changed.values()].map(({ row, change }) => [(row as MessageRow).id, change]),
  )
}

/** How many entries each list has; empty ones are left out. */
export function extentOf(changes: Changes): Readonly<Record<string, number>> {
  const { added, files, contexts, sent, participants, changed, texts, saved, turns } = changes
  const { summaries, usedContexts, seen, cursors, woken, steps, calls, results, endedJournals } = changes
  const lists = {
    added,
    files,
    contexts,
    sent,
    participants,
    turns,
    usedContexts,
    seen,
    texts,
    summaries,
    cursors,
    steps,
    calls,
    results,
    endedJournals,
  }
  const maps = { changed, saved, woken }
  return Object.fromEntries(
    [
      ...Object.entries(lists).map(([name, list]) => [name, list.length] as const),
      ...Object.entries(maps).map(([name, map]) => [name, map.size] as const),
    ].filter(([, size]) => size > 0),
  )
}
