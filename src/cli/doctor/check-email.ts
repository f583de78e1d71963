import {
  checkMailbox,
  checkSmtp,
  type MailboxCheck,
  type SmtpCheck,
} from '../../channels/email/account-check.ts'
import type { MailServer } from '../../config/mail-server.ts'
import type { Settings } from '../../config/settings.ts'
import { editCommand, error, ok, warning, type Finding } from './finding.ts'

/** Checks both mail servers and whether anybody has access. */
export async function checkEmail(settings: Settings): Promise<readonly Finding[]> {
  const { email } = settings.channels
  const { enabled, username, password, imap, smtp } = email
  if (!enabled || username === null || password === null || imap === null || smtp === null) return []
  const [mailbox, sending] = await Promise.all([
    checkMailbox({ server: imap, username, password }, email.mailbox),
    checkSmtp({ server: smtp, username, password }),
  ])
  const edit = { config: editCommand(settings.paths.config), env: editCommand(settings.paths.env) }
  return [
    mailboxFinding(mailbox, imap, edit.env),
    ...authservFindings(mailbox, email.authservId, edit.config),
    smtpFinding(sending, smtp, edit.env),
    ...accessFindings(settings, edit.env),
  ]
}

function mailboxFinding(check: MailboxCheck, { host }: MailServer, edit: string): Finding {
  if (check.kind === 'bad') return error('email.imap', `Cannot read mail: ${check.words}.`, edit)
  const delivery = check.idle
    ? 'reports new mail immediately (IDLE)'
    : 'has no IDLE and is polled twice a minute'
  return ok('email.imap', `IMAP server ${host} accepts the sign-in and ${delivery}`)
}

/** Checks `authserv_id`: with a missing or wrong name no sender can be verified. */
export function authservFindings(
  check: MailboxCheck,
  configured: string | null,
  edit: string,
): readonly Finding[] {
  const seen = check.kind === 'fine' ? check.authservIds : []
  const [most] = seen
  const found =
    most === undefined
      ? 'No mail in the folder has an Authentication-Results header yet.'
      : `${most[1]} of the latest mails have a header from ${most[0]}; if that is your provider's server, use that name.`
  if (configured === null) {
    const problem =
      'channels.email.authserv_id is not set, so no sender can be verified and all mail is ignored.'
    return [error('email.authserv', `${problem} ${found}`, edit)]
  }
  if (check.kind !== 'fine') return []
  if (seen.some(([id]) => id === configured.toLowerCase())) {
    return [ok('email.authserv', `Mail arrives with sender checks by ${configured}`)]
  }
  if (check.mails === 0) return []
  const problem = `None of the latest ${check.mails} mails was checked by ${configured}: they would be ignored.`
  return [warning('email.authserv', `${problem} ${most === undefined ? '' : found}`.trim(), edit)]
}

function smtpFinding(check: SmtpCheck, { host, port }: MailServer, edit: string): Finding {
  switch (check.kind) {
    case 'fine':
      return ok('email.smtp', `SMTP server ${host} accepts mail from the gateway`)
    case 'login':
      return error(
        'email.smtp',
        `SMTP server ${host} rejects the user name or password (${check.words}). Many providers require an app password.`,
        edit,
      )
    case 'unreachable':
      return error('email.smtp', `SMTP server ${host}:${port} cannot be used: ${check.words}.`, edit)
  }
}

function accessFindings({ channels }: Settings, edit: string): readonly Finding[] {
  const { allowAllUsers, allowedUsers } = channels.email
  if (allowAllUsers) {
    const problem = 'Anybody whose sender address can be verified may write, at your expense.'
    return [warning('email.access', problem, edit)]
  }
  if (allowedUsers.length > 0) return []
  return [warning('email.access', 'EMAIL_ALLOWED_USERS is empty: all mail is ignored.', edit)]
}
