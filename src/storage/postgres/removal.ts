import { Changes } from '../policy/changes.ts'
import { endLease } from '../policy/lease.ts'
import { removeBudgetsOf } from '../records/budgets.ts'
import * as pairings from '../records/pairings.ts'
import { conversationsOf, isShared, removeFromShared, removeParked } from '../records/persons.ts'
import {
  removeConversation,
  removeIfEmpty,
  removeOld,
  type Removed,
  type RetentionPosition,
  type RetentionTerms,
} from '../records/retention.ts'
import type { Database, Transaction } from './connection/database.ts'
import { clean } from './connection/statements.ts'
import { commit, write, type StoreContext } from './inbox/apply.ts'
import { lockConversations, waitingRows } from './rows.ts'
import { runSteps } from './run-steps.ts'

/**
 * Removes everything of a person: messages, their answers, attachments, pairing; a conversation in which
 * nobody else ever wrote is removed as a whole. The server overwrites the space in its own time.
 *
 * @returns how many messages were removed
 */
export async function deletePerson(
  database: Database,
  context: StoreContext,
  channel: string,
  personId: string,
): Promise<number> {
  let removed = 0
  for (const { key } of await runSteps(database, conversationsOf(channel, personId))) {
    removed += await database.transaction((tx) => removeFrom(tx, context, key, clean(personId)))
  }
  await runSteps(database, pairings.revoke(channel, personId))
  await runSteps(database, removeParked(channel, personId))
  await runSteps(database, removeBudgetsOf('person', `${channel}:${personId}`))
  context.waitingTotal.forget()
  return removed
}

async function removeFrom(
  tx: Transaction,
  context: StoreContext,
  key: number,
  personId: string,
): Promise<number> {
  const [conversation] = await lockConversations(tx, [key])
  if (!conversation) return 0
  if (!(await runSteps(tx, isShared(key, personId)))) return await runSteps(tx, removeConversation(key))
  const waiting = (await waitingRows(tx, [key])).get(key) ?? []
  const changes = new Changes(context.pullChannels)
  endLease(conversation, waiting, 'received', changes)
  await write(tx, changes)
  const removed = await runSteps(tx, removeFromShared(key, personId))
  await commit(tx, context, changes)
  return removed
}

/** Removes some of what is older than its term. */
export async function removeSomeOld(
  database: Database,
  terms: RetentionTerms,
  from: RetentionPosition | null,
): Promise<Removed> {
  const removed = await database.transaction((tx) => runSteps(tx, removeOld(terms, from)))
  for (const key of removed.sole) {
    await database.transaction(async (tx) => {
      await lockConversations(tx, [key])
      await runSteps(tx, removeIfEmpty(key))
    })
  }
  return removed
}
