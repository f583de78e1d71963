import type { MessageContext } from '../../../inbox/arrival.ts'
import type { Session } from '../thread/session.ts'

/**
 * What messages bring along. Such a message is never merged with others, so it is marked as
 * standing alone (`solo`), and only for those is this table ever looked into.
 */

/** @param whole false: only what tells a repetition from another request */
export function saveContext(
  session: Session,
  message: number,
  context: MessageContext,
  whole: boolean,
): void {
  const { digest, ...rest } = context
  session.run(
    'INSERT INTO contexts (message, digest, json) VALUES (?, ?, ?)',
    message,
    digest,
    whole ? JSON.stringify(rest) : null,
  )
  session.run('UPDATE messages SET solo = 1 WHERE key = ?', message)
}

export function readContext(session: Session, message: number): MessageContext | null {
  const row = session.get('SELECT digest, json FROM contexts WHERE message = ?', message)
  if (!row || row['json'] === null) return null
  return {
    digest: String(row['digest']),
    ...(JSON.parse(String(row['json'])) as Omit<MessageContext, 'digest'>),
  }
}

/** Is the message stored under this id another one than that which brings `context`? */
export function hasOtherContext(
  session: Session,
  message: number,
  context: MessageContext | undefined,
): boolean {
  if (!context) return false
  const row = session.get('SELECT digest FROM contexts WHERE message = ?', message)
  return row?.['digest'] !== context.digest
}

/** The message was answered: what it brought is of no use any more, and it may be large. */
export function dropContext(session: Session, message: number): void {
  session.run('UPDATE contexts SET json = NULL WHERE message = ?', message)
}
