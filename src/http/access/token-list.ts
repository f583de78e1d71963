import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isoTime } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { writeFileAtomically } from '../../support/files/private-file.ts'
import type { TokenScope } from '../wire.ts'
import type { Session } from './session-cookie.ts'

export const TOKEN_SCOPES: readonly TokenScope[] = ['chat', 'metrics']

/** A stored narrower token, without the token itself. */
export interface IssuedToken {
  readonly id: string
  readonly scope: TokenScope
  /** Hex SHA-256. The token is 256 random bits, so a slow hash would protect nothing more. */
  readonly sha256: string
  readonly createdAt: string
}

const TOKEN_BYTES = 32

/**
 * The narrower tokens of the HTTP API, in a file of their own (0600) that holds only their hashes, and
 * the page's sessions that were ended before their time.
 */
export class TokenList {
  readonly #path: string
  #byHash = new Map<string, IssuedToken>()
  /** Session id → when it would have expired. */
  #ended = new Map<string, number>()
  /** One write after the other: each writes the whole list. */
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(path: string, stored: Stored) {
    this.#path = path
    this.#set(stored)
  }

  /** @throws StoreError when the file is there and cannot be understood */
  static async open(path: string): Promise<TokenList> {
    return new TokenList(path, await read(path))
  }

  /** Reads the file again, which somebody may have edited. @throws as `open`; the list stays as it was */
  async reload(): Promise<void> {
    // Not between a write of ours and what follows from it in memory.
    const reading = this.#writing.then(async () => this.#set(await read(this.#path)))
    this.#writing = reading.catch(() => {})
    await reading
  }

  find(token: string): IssuedToken | null {
    // By hash: the look-up's timing leaks nothing about the token.
    return this.#byHash.get(sha256(token)) ?? null
  }

  list(): readonly IssuedToken[] {
    return [...this.#byHash.values()]
  }

  /** Creates a token, stores its hash, and returns the token, only this once. */
  async issue(scope: TokenScope, now: number): Promise<{ readonly id: string; readonly token: string }> {
    const token = `hermes_${scope}_${randomBytes(TOKEN_BYTES).toString('base64url')}`
    const hash = sha256(token)
    const issued = { id: hash.slice(0, 8), scope, sha256: hash, createdAt: isoTime(now) }
    await this.#change(({ tokens }) => tokens.set(hash, issued))
    return { id: issued.id, token }
  }

  /** False: there is no such token. */
  async revoke(id: string): Promise<boolean> {
    const token = this.list().find((token) => token.id === id)
    if (!token) return false
    await this.#change(({ tokens }) => tokens.delete(token.sha256))
    return true
  }

  /** From now on `session` opens nothing; stored, so that a restart does not bring it back. */
  async endSession({ id, endsAt }: Session, now: number): Promise<void> {
    await this.#change(({ ended }) => {
      for (const [other, end] of ended) if (end <= now) ended.delete(other)
      ended.set(id, endsAt)
    })
  }

  isSessionEnded(id: string): boolean {
    return this.#ended.has(id)
  }

  #set({ tokens, ended }: Stored): void {
    this.#byHash = new Map(tokens.map((token) => [token.sha256, token]))
    this.#ended = new Map(ended.map(({ id, endsAt }) => [id, endsAt]))
  }

  #change(edit: (content: Content) => void): Promise<void> {
    const change = this.#writing.then(() => this.#store(edit))
    this.#writing = change.catch(() => {})
    return change
  }

  async #store(edit: (content: Content) => void): Promise<void> {
    const tokens = new Map(this.#byHash)
    const ended = new Map(this.#ended)
    edit({ tokens, ended })
    const content = {
      tokens: [...tokens.values()],
      endedSessions: [...ended].map(([id, endsAt]) => ({ id, endsAt }) satisfies Session),
    }
    try {
      await writeFileAtomically(this.#path, `${JSON.stringify(content, null, 2)}\n`)
    } catch (error) {
      throw new StoreError(`${this.#path} cannot be written`, { cause: error })
    }
    this.#byHash = tokens
    this.#ended = ended
  }
}

interface Stored {
  readonly tokens: readonly IssuedToken[]
  readonly ended: readonly Session[]
}

interface Content {
  readonly tokens: Map<string, IssuedToken>
  readonly ended: Map<string, number>
}

async function read(path: string): Promise<Stored> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { tokens: [], ended: [] }
    throw new StoreError(`${path} cannot be read`, { cause: error })
  }
  try {
    const content: unknown = JSON.parse(text)
    return { tokens: readTokens(content), ended: readEnded(content) }
  } catch (error) {
    throw new StoreError(`${path} is damaged; remove it, and create the narrower tokens again`, {
      cause: error,
    })
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** @throws when it is not what `TokenList` writes */
function readTokens(content: unknown): IssuedToken[] {
  const { tokens } = content as { tokens: IssuedToken[] }
  for (const { id, scope, sha256, createdAt } of tokens) {
    const whole =
      [id, sha256, createdAt].every((part) => typeof part === 'string') && TOKEN_SCOPES.includes(scope)
    if (!whole) throw new Error('not a list of tokens')
  }
  return tokens
}

/** @throws when it is not what `TokenList` writes; a file from before sessions could be ended has none */
function readEnded(content: unknown): Session[] {
  const { endedSessions = [] } = content as { endedSessions?: Session[] }
  for (const { id, endsAt } of endedSessions)
    if (typeof id !== 'string' || typeof endsAt !== 'number') throw new Error('not a list of sessions')
  return endedSessions
}
