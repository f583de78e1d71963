import { SECOND } from '../../support/clock.ts'
import { factsOf, imapTrouble, serverWords } from './failure.ts'
import { parseHeaders } from './intake/headers.ts'
import { imapClient, type ImapAccount } from './mailbox/imap-client.ts'
import { smtpTransport } from './send/smtp-client.ts'
import { authservIdOf } from './trust/authentication-results.ts'

/** What can be said of a mailbox from outside, without changing anything in it. */
export type MailboxCheck =
  | {
      readonly kind: 'fine'
      /** Does the server support IDLE? */
      readonly idle: boolean
      /** Mails that were examined. */
      readonly mails: number
      /** The servers whose result is topmost, with the number of mails, most frequent first. */
      readonly authservIds: ReadonlyArray<readonly [id: string, mails: number]>
    }
  /** `words`: a sentence that holds the server's own. */
  | { readonly kind: 'bad'; readonly words: string }

export type SmtpCheck =
  | { readonly kind: 'fine' }
  /** `words`: the server's own. */
  | { readonly kind: 'login'; readonly words: string }
  | { readonly kind: 'unreachable'; readonly words: string }

/** Enough to see who judges the senders here. */
const RECENT_MAILS = 20
/** The check takes no longer. */
const LIMIT_MS = 10 * SECOND

export async function checkMailbox(account: ImapAccount, mailbox: string): Promise<MailboxCheck> {
  const client = await imapClient(account)
  // The pending command rejects as well.
  client.on('error', () => {})
  const limit = setTimeout(() => client.close(), LIMIT_MS)
  try {
    await client.connect()
    const { exists } = await client.mailboxOpen(mailbox, { readOnly: true })
    const counts = new Map<string, number>()
    const range = `${Math.max(1, exists - RECENT_MAILS + 1)}:*`
    const mails = exists === 0 ? [] : await client.fetchAll(range, { headers: ['authentication-results'] })
    for (const mail of mails) {
      const topmost = parseHeaders(mail.headers ?? new Uint8Array())?.first('authentication-results')
      const id = topmost && authservIdOf(topmost)
      if (id) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    const authservIds = [...counts].sort(([, one], [, other]) => other - one)
    return { kind: 'fine', idle: client.capabilities.has('IDLE'), mails: mails.length, authservIds }
  } catch (error) {
    return { kind: 'bad', words: imapTrouble(error, account.server, mailbox).problem }
  } finally {
    clearTimeout(limit)
    client.close()
  }
}

/** Greets the SMTP server and signs in; nothing is sent. */
export async function checkSmtp(account: ImapAccount): Promise<SmtpCheck> {
  const transport = await smtpTransport(account)
  const late = Promise.withResolvers<never>()
  const limit = setTimeout(() => late.reject(new Error('no answer in time')), LIMIT_MS)
  try {
    await Promise.race([transport.verify(), late.promise])
    return { kind: 'fine' }
  } catch (error) {
    const words = serverWords(error) || 'no answer in time'
    return { kind: factsOf(error).code === 'EAUTH' ? 'login' : 'unreachable', words }
  } finally {
    clearTimeout(limit)
    transport.close()
  }
}
