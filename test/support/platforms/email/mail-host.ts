import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import type Mail from 'nodemailer/lib/mailer'
import { freePort } from '../../processes/free-port.ts'
import { pause } from '../../until.ts'

/** Debian's servers: Dovecot keeps the mailboxes, Exim accepts mail from anybody who signs in. */
const DOVECOT = '/usr/sbin/dovecot'
const EXIM = '/usr/sbin/exim4'
/** Dovecot keeps no mail as root. Debian's number for nobody. */
const KEEPER = 65_534
const TIMEOUT_MS = 30_000

const missing = [
  ...[DOVECOT, '/usr/lib/dovecot/imap', '/usr/lib/dovecot/lmtp', EXIM].filter((path) => !existsSync(path)),
  ...(process.getuid?.() === 0 ? [] : ['the rights of root, which they need']),
]

/** Why no mail server can run here; null = they can. */
export const missingMailServers: string | null =
  missing.length > 0
    ? `no mail servers: install Debian's dovecot-imapd, dovecot-lmtpd and exim4-daemon-light; missing: ${missing.join(', ')}`
    : null

/**
 * What is handed to `describe.skipIf`: without the servers such tests are skipped by name; in CI,
 * where they are installed, they run and fail instead.
 */
export const withoutMailServers: boolean = missingMailServers !== null && process.env['CI'] !== 'true'

/** Ends the name of such a suite, so that a skip shows its reason. */
export const whyWithoutMail: string = withoutMailServers ? ` (${missingMailServers})` : ''

export const MAIL_DOMAIN = 'mail.test'
export const BOT = `hermes@${MAIL_DOMAIN}`
/** The server's own name, under which it vouches for senders. */
export const AUTHSERV_ID = 'mx.mail.test'

/** The password of every mailbox here. */
export const MAIL_PASSWORD = 'TEST-mail-password-0815'

/** A mail server of its own in a temporary folder: IMAP and LMTP by Dovecot, submission by Exim. */
export class MailHost implements AsyncDisposable {
  readonly folder: string
  readonly imapPort: number
  readonly lmtpPort: number
  readonly smtpPort: number
  readonly #children: ChildProcess[] = []

  private constructor(folder: string, [imapPort, lmtpPort, smtpPort]: readonly number[]) {
    this.folder = folder
    this.imapPort = imapPort!
    this.lmtpPort = lmtpPort!
    this.smtpPort = smtpPort!
  }

  /** @param options.capability what IMAP says it can, instead of everything; `smtp: false` starts no Exim */
  static async start(options: { capability?: string; smtp?: boolean } = {}): Promise<MailHost> {
    const folder = mkdtempSync(join(tmpdir(), 'hermes-mail-'))
    // The servers' own users look into it.
    chmodSync(folder, 0o755)
    const host = new MailHost(folder, [await freePort(), await freePort(), await freePort()])
    mkdirSync(join(folder, 'mail'))
    chownSync(join(folder, 'mail'), KEEPER, KEEPER)
    writeFileSync(join(folder, 'dovecot.conf'), host.#dovecot(options.capability))
    try {
      host.#children.push(spawn(DOVECOT, ['-F', '-c', join(folder, 'dovecot.conf')], { stdio: 'ignore' }))
      if (options.smtp !== false) host.#startExim()
      await Promise.all([
        host.#listening(host.imapPort),
        host.#listening(host.lmtpPort),
        ...(options.smtp === false ? [] : [host.#listening(host.smtpPort)]),
      ])
      return host
    } catch (error) {
      await host[Symbol.asyncDispose]()
      throw error
    }
  }

  /** A mail as the world outside hands it over, after the receiving server has judged its sender. */
  async deliver(to: string, mail: Mail.Options | { readonly raw: string }): Promise<void> {
    const transport = createTransport({
      host: '127.0.0.1',
      port: this.lmtpPort,
      lmtp: true,
      ignoreTLS: true,
    } as never)
    const envelope = { from: 'bounce@outside.test', to: [to] }
    await transport.sendMail({ ...mail, envelope })
    transport.close()
  }

  /** The files of a mailbox's inbox with their flags, in the order of arrival. */
  inbox(user: string): ReadonlyArray<{ readonly path: string; readonly flags: string }> {
    const folder = join(this.folder, 'mail', user)
    return ['new', 'cur']
      .flatMap((part) => {
        const files = existsSync(join(folder, part)) ? readdirSync(join(folder, part)) : []
        return files.map((file) => ({
          path: join(folder, part, file),
          file,
          flags: /:2,(\w*)$/.exec(file)?.[1] ?? '',
        }))
      })
      .sort((one, other) => arrivalOf(one.file) - arrivalOf(other.file))
  }

  /** Forgets every UID of a mailbox, as a server does that was restored from a backup. */
  async recount(user: string): Promise<void> {
    this.doveadm(['kick', user])
    const folder = join(this.folder, 'mail', user)
    for (const file of readdirSync(folder)) if (file.startsWith('dovecot')) rmSync(join(folder, file))
    // The new one is made of the time in seconds.
    await pause(1_100)
  }

  doveadm(args: readonly string[]): string {
    return spawnSync('doveadm', ['-c', join(this.folder, 'dovecot.conf'), ...args], { encoding: 'utf8' })
      .stdout
  }

  /** What the servers said. */
  get log(): string {
    return ['dovecot.log', 'exim/log/main', 'exim/log/panic']
      .map((file) => join(this.folder, file))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => ended(child)))
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #startExim(): void {
    const folder = join(this.folder, 'exim')
    for (const part of ['', 'spool', 'log']) mkdirSync(join(folder, part), { recursive: true })
    spawnSync('chown', ['-R', 'Debian-exim:Debian-exim', folder])
    const config = join(this.folder, 'exim.conf')
    writeFileSync(config, this.#exim(folder), { mode: 0o644 })
    this.#children.push(spawn(EXIM, ['-C', config, '-bdf', '-q1m'], { stdio: 'ignore' }))
  }

  #dovecot(capability: string | undefined): string {
    return `
protocols = imap lmtp
listen = 127.0.0.1
base_dir = ${this.folder}/run
state_dir = ${this.folder}/state
log_path = ${this.folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:${this.folder}/mail/%u
mail_max_userip_connections = 100
first_valid_uid = 1
${capability === undefined ? '' : `imap_capability = ${capability}`}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = static
  args = password=${MAIL_PASSWORD}
}
userdb {
  driver = static
  args = uid=${KEEPER} gid=${KEEPER} home=${this.folder}/mail/%u allow_all_users=yes
}
service imap-login {
  inet_listener imap {
    port = ${this.imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${this.lmtpPort}
  }
}
`
  }

  #exim(folder: string): string {
    return `
primary_hostname = smtp.${MAIL_DOMAIN}
daemon_smtp_ports = ${this.smtpPort}
local_interfaces = 127.0.0.1
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%s
pid_file_path = ${folder}/exim.pid
tls_advertise_hosts =
auth_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 100
smtp_accept_max_per_connection = 1000
acl_smtp_rcpt = rcpt
acl_smtp_data = data
message_size_limit = 50M
begin acl
rcpt:
  deny message = no such user here
       local_parts = nobody-here
  defer message = try again later
       local_parts = later
  accept authenticated = *
  deny message = relaying is not permitted
data:
  # Several mails are handed on at the same time: this tells in which order they came.
  warn add_header = X-Taken: $tod_epoch_l
  accept
begin routers
everybody:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = lmtp
begin transports
lmtp:
  driver = smtp
  protocol = lmtp
  port = ${this.lmtpPort}
  allow_localhost
  hosts_try_fastopen =
begin retry
* * F,1h,1s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if eq{$auth3}{${MAIL_PASSWORD}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User Name : Password
  server_condition = \${if eq{$auth2}{${MAIL_PASSWORD}}}
  server_set_id = $auth1
`
  }

  async #listening(port: number): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS
    while (!(await canConnect(port))) {
      if (performance.now() > deadline) throw new Error(`nobody listens at ${port}:\n${this.log}`)
      await pause(20)
    }
  }
}

/** Maildir names begin with the second and, behind M, the microsecond of arrival. */
function arrivalOf(file: string): number {
  const match = /^(\d+)\.M(\d+)/.exec(file)
  return match ? Number(match[1]) * 1e6 + Number(match[2]) : 0
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const last = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await exit
  clearTimeout(last)
}
