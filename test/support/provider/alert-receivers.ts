import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'

/** A request as it arrived. */
export interface ReceivedPost {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Takes every POST and keeps it; what is no POST only gets an answer. */
export class PostReceiver implements AsyncDisposable {
  readonly posts: ReceivedPost[] = []
  readonly #server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      if (request.method === 'POST') {
        const headers = request.headers as Record<string, string>
        this.posts.push({ path: request.url ?? '', headers, body })
      }
      response.end()
    })
  })

  static async start(): Promise<PostReceiver> {
    const receiver = new PostReceiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A certificate for this machine's loopback address, its own authority. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** For NODE_EXTRA_CA_CERTS. */
  readonly path: string
}

/** Why no certificate can be made here; null where it can. */
export const NO_CERTIFICATES: string | null = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' })
    return null
  } catch {
    return 'openssl is not installed'
  }
})()

export function makeCertificate(): Certificate & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-cert-'))
  const path = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${path}`.split(
      ' ',
    ),
    { stdio: 'pipe' },
  )
  return {
    cert: readFileSync(path, 'utf8'),
    key: readFileSync(key, 'utf8'),
    path,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

export interface ReceivedMail {
  readonly user: string
  readonly secure: boolean
  readonly to: readonly string[]
  readonly text: string
}

/** A real SMTP server that takes mail only with TLS and a password. */
export class MailReceiver implements AsyncDisposable {
  readonly mails: ReceivedMail[] = []
  readonly #server: SMTPServer

  private constructor(certificate: Certificate, mode: 'tls' | 'starttls', password: string) {
    this.#server = new SMTPServer({
      secure: mode === 'tls',
      cert: certificate.cert,
      key: certificate.key,
      // The server itself refuses a password before STARTTLS.
      allowInsecureAuth: false,
      onAuth: (auth, _session, done) =>
        auth.password === password
          ? done(null, { user: auth.username ?? '' })
          : done(new Error('wrong password')),
      onData: (stream, session, done) => {
        let text = ''
        stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        stream.on('end', () => {
          this.mails.push({
            user: String(session.user),
            secure: session.secure,
            to: session.envelope.rcptTo.map(({ address }) => address),
            text,
          })
          done()
        })
      },
    })
    // A client that does not trust the certificate hangs up; that is its right.
    this.#server.on('error', () => undefined)
  }

  static async start(
    certificate: Certificate,
    mode: 'tls' | 'starttls',
    password: string,
  ): Promise<MailReceiver> {
    const receiver = new MailReceiver(certificate, mode, password)
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}
