import type { MessageContext } from '../../../inbox/arrival.ts'
import type { Session } from '../thread/session.ts'

/**
 * The contexts of messages. A message with a context is never merged with others, so it is marked as
 * `solo`, and this table is read only for those.
 */

/** @param whole false: only the digest, which tells a repetition from another request */
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

/** Whether the message stored under this id came with a different context. */
export function hasOtherContext(
  session: Session,
  message: number,
  context: MessageContext | undefined,
): boolean {
  if (!context) return false
  const row = session.get('SELECT digest FROM contexts WHERE message = ?', message)
  return row?.['digest'] !== context.digest
}

/** The message was answered: its context is no longer needed, and may be large. */
export function dropContext(session: Session, message: number): void {
  session.run('UPDATE contexts SET json = NULL WHERE message = ?', message)
}
