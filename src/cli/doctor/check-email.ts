import {
  checkMailbox,
  checkSmtp,
  type MailboxCheck,
  type SmtpCheck,
} from '../../channels/email/account-check.ts'
import type { MailServer } from '../../config/mail-server.ts'
import type { Settings } from '../../config/settings.ts'
import { editCommand, error, ok, warning, type Finding } from './finding.ts'

/** Both servers, in their own words, and whether anybody can be let in. */
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
    judgeMailbox(mailbox, imap, edit.env),
    ...judgeAuthserv(mailbox, email.authservId, edit.config),
    judgeSmtp(sending, smtp, edit.env),
    ...judgeAccess(settings, edit.env),
  ]
}

function judgeMailbox(check: MailboxCheck, { host }: MailServer, edit: string): Finding {
  if (check.kind === 'bad') return error('email.imap', `Mail cannot be read: ${check.words}.`, edit)
  const news = check.idle ? 'tells of news at once (IDLE)' : 'cannot tell of news and is asked twice a minute'
  return ok('email.imap', `The IMAP server ${host} lets the gateway in and ${news}`)
}

/** Without the right name nobody is let in, and with a wrong one neither. */
export function judgeAuthserv(
  check: MailboxCheck,
  configured: string | null,
  edit: string,
): readonly Finding[] {
  const seen = check.kind === 'fine' ? check.authservIds : []
  const [most] = seen
  const found =
    most === undefined
      ? 'No mail in the folder carries a verdict yet.'
      : `Of the last mails ${most[1]} carry one of ${most[0]}; if that is your provider's own server, name it.`
  if (configured === null) {
    const problem = 'channels.email.authserv_id is not set, so no sender can be proved and nobody is let in.'
    return [error('email.authserv', `${problem} ${found}`, edit)]
  }
  if (check.kind !== 'fine') return []
  if (seen.some(([id]) => id === configured.toLowerCase())) {
    return [ok('email.authserv', `Mail arrives with the verdict of ${configured} on its sender`)]
  }
  if (check.mails === 0) return []
  const problem = `None of the last ${check.mails} mails carries a verdict of ${configured}: such senders are not let in.`
  return [warning('email.authserv', `${problem} ${most === undefined ? '' : found}`.trim(), edit)]
}

function judgeSmtp(check: SmtpCheck, { host, port }: MailServer, edit: string): Finding {
  switch (check.kind) {
    case 'fine':
      return ok('email.smtp', `The SMTP server ${host} takes mail from the gateway`)
    case 'login':
      return error(
        'email.smtp',
        `The SMTP server ${host} does not take the name or the password (${check.words}). Many providers want an app password.`,
        edit,
      )
    case 'unreachable':
      return error(
        'email.smtp',
        `The SMTP server ${host}, port ${port}, cannot be used: ${check.words}.`,
        edit,
      )
  }
}

function judgeAccess({ channels }: Settings, edit: string): readonly Finding[] {
  const { allowAllUsers, allowedUsers } = channels.email
  if (allowAllUsers) {
    const problem = 'Everybody whose sender can be proved may write, at your expense.'
    return [warning('email.access', problem, edit)]
  }
  if (allowedUsers.length > 0) return []
  return [warning('email.access', 'EMAIL_ALLOWED_USERS names nobody: all mail is left alone.', edit)]
}
