import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import type { BackoffOptions } from '../../support/backoff.ts'
import { SECOND, type Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { watchFile } from '../../support/files/file-watch.ts'
import { prepareFile, readPrivateFile, type PreparedFile } from '../../support/files/private-file.ts'
import { recoverLeftovers } from '../own/leftovers.ts'
import { IntentFile, SharedDeaths } from '../rotation/intent.ts'
import { refreshTag, Rotation, type RotationStore } from '../rotation/rotation.ts'
import {
  stillHoldsRefreshToken,
  type Generation,
  type RefreshableSignIn,
  type RefreshOutcome,
  type RepeatPolicy,
  type StoredSignIn,
} from '../sign-in.ts'
import {
  claudeCodeSignIn,
  formatClaudeCodeFile,
  parseClaudeCodeFile,
  refreshTokenWasEmptied,
  withClaudeCodeGeneration,
  type ClaudeCodeDocument,
} from './claude-code-document.ts'
import { ClaudeCodeLocks, type ClaudeCodeLock } from './claude-code-locks.ts'

export interface ClaudeCodeStoreOptions {
  /** `$CLAUDE_CONFIG_DIR`, else `~/.claude`. */
  readonly configDir: string
  /** The gateway's own home, for the intent and the record of locks. */
  readonly home: string
  readonly endpoint: TokenEndpoint
  readonly clock?: Clock
  readonly backoff?: BackoffOptions
  readonly lockWaitMs?: number
  readonly onWarning?: (message: string) => void
}

/** Old versions write in place: a reader may meet the middle of a write. */
const PARSE_RETRIES = 6
const PARSE_RETRY_MS = 50

/** Next to Claude Code's file, for the gateways of other homes that read it. */
const DEATHS_FILE = '.hermes-ended-sign-in.json'

/** The Keychain sends no events. */
const KEYCHAIN_POLL_MS = 4 * SECOND

/**
 * Claude Code's sign-in, borrowed: read, and refreshed under Claude Code's own locks
 * so that both programs can live on one sign-in.
 */
export class ClaudeCodeStore implements RefreshableSignIn, RotationStore<PreparedFile> {
  readonly #path: string
  readonly #home: string
  readonly #locks: ClaudeCodeLocks
  readonly #intents: IntentFile
  readonly #rotation: Rotation<PreparedFile>
  readonly #warn: (message: string) => void
  #lock: ClaudeCodeLock | null = null

  constructor(options: ClaudeCodeStoreOptions) {
    this.#path = join(options.configDir, '.credentials.json')
    this.#home = createHash('sha256').update(options.home).digest('hex').slice(0, 8)
    this.#locks = new ClaudeCodeLocks(options)
    this.#warn = options.onWarning ?? (() => {})
    this.#intents = new IntentFile(join(options.home, 'claude-code.intent.json'))
    const shared = new IntentFile(join(options.configDir, DEATHS_FILE))
    const intents = new SharedDeaths(this.#intents, shared)
    this.#rotation = new Rotation({ ...options, store: this, intents })
  }

  /** Once, when the gateway starts: removes the locks and files that a killed process of this home left. Never throws. */
  async open(): Promise<void> {
    try {
      const lock = await this.lock(0, AbortSignal.timeout(SECOND))
      if (!lock) return
      try {
        const stored = await this.read()
        await this.recover(stored.kind === 'present' ? stored.generation : null)
        await this.#intents.tidy()
      } finally {
        await lock.release()
      }
    } catch {
      // No such folder, or not ours to write in: then nothing of ours is there.
    }
  }

  async read(): Promise<StoredSignIn> {
    const fromKeychain = await readKeychain()
    if (fromKeychain !== null) return readOnly(fromKeychain)
    const loaded = await this.#load()
    return 'document' in loaded ? claudeCodeSignIn(loaded.document, loaded.writtenAt) : loaded
  }

  refresh(spent: Generation, signal: AbortSignal, policy?: RepeatPolicy): Promise<RefreshOutcome> {
    return this.#rotation.refresh(spent, signal, policy)
  }

  saveUnsaved(): Promise<boolean> {
    return this.#rotation.saveUnsaved()
  }

  watch(listener: () => void): Disposable {
    const file = watchFile(this.#path, listener)
    const keychain =
      process.platform === 'darwin' ? setInterval(listener, KEYCHAIN_POLL_MS).unref() : undefined
    return {
      [Symbol.dispose]() {
        file[Symbol.dispose]()
        clearInterval(keychain)
      },
    }
  }

  /** As `RotationStore.lock`; this and what follows is for the rotation. */
  async lock(waitMs: number, signal: AbortSignal): Promise<ClaudeCodeLock | null> {
    this.#lock = await this.#locks.acquire(waitMs, signal)
    return this.#lock
  }

  prepare(spent: Generation): Promise<PreparedFile> {
    return prepareFile(this.#path, { tag: `${this.#home}-${refreshTag(spent)}` })
  }

  async replace(
    prepared: PreparedFile,
    spent: Generation,
    next: Generation,
  ): Promise<'saved' | StoredSignIn> {
    const lock = this.#lock!
    // Stopped for a minute, we lost the locks: the process that has them now may be spending the same token.
    if (!(await lock.reacquire()))
      throw new StoreError('Claude Code’s locks were lost and cannot be had again')
    return lock.whileWriting(async () => {
      const loaded = await this.#load()
      if (!('document' in loaded)) return loaded
      const stored = claudeCodeSignIn(loaded.document, loaded.writtenAt)
      if (!stillHoldsRefreshToken(stored, spent) && !refreshTokenWasEmptied(loaded.document, spent))
        return stored
      await prepared.commit(formatClaudeCodeFile(withClaudeCodeGeneration(loaded.document, next)))
      return 'saved'
    })
  }

  /** Only under the lock. */
  recover(stored: Generation | null): Promise<void> {
    return this.#lock!.whileWriting(() =>
      recoverLeftovers(this.#path, this.#home, stored, (text) => {
        const parsed = parseClaudeCodeFile(text)
        return parsed.kind === 'document' ? claudeCodeSignIn(parsed.document, null) : { kind: 'absent' }
      }),
    )
  }

  async #load(): Promise<
    | { document: ClaudeCodeDocument; writtenAt: number }
    | Extract<StoredSignIn, { kind: 'absent' | 'unusable' }>
  > {
    let message = ''
    for (let attempt = 0; attempt < PARSE_RETRIES; attempt++) {
      if (attempt > 0) await pause(PARSE_RETRY_MS)
      const file = await readPrivateFile(this.#path)
      if (file.kind === 'absent') return { kind: 'absent' }
      if (file.kind === 'refused') return { kind: 'unusable', reason: 'store', message: file.message }
      if (file.tightened) this.#warn(`${this.#path} could be read by others; its mode is now 0600`)
      const parsed = parseClaudeCodeFile(file.text)
      if (parsed.kind === 'document') return { document: parsed.document, writtenAt: file.writtenAt }
      message = `${this.#path} ${parsed.message}`
    }
    return { kind: 'unusable', reason: 'store', message }
  }
}

/** What the Keychain holds can be used, and only Claude Code can refresh it. */
function readOnly(text: string): StoredSignIn {
  const parsed = parseClaudeCodeFile(text)
  if (parsed.kind === 'broken') {
    return { kind: 'unusable', reason: 'store', message: `Claude Code’s Keychain item ${parsed.message}` }
  }
  const stored = claudeCodeSignIn(parsed.document, null)
  if (stored.kind !== 'present') return stored
  return { kind: 'present', generation: { ...stored.generation, refreshToken: null } }
}

/** The item under which Claude Code stores its sign-in on macOS. */
const KEYCHAIN_ITEM = 'Claude Code-credentials'
/** A locked Keychain asks a person; on a server nobody answers. */
const KEYCHAIN_TIMEOUT_MS = 5 * SECOND
const KEYCHAIN_MAX_BYTES = 1024 * 1024

/**
 * The text of Claude Code's Keychain item; null on other systems, or when there is
 * none or it may not be read. Read only: what the Keychain holds is refreshed by
 * Claude Code alone, because it has no compare-and-swap.
 *
 * @see https://ss64.com/mac/security.html
 */
export async function readKeychain(platform: NodeJS.Platform = process.platform): Promise<string | null> {
  if (platform !== 'darwin') return null
  try {
    const { stdout } = await promisify(execFile)(
      'security',
      ['find-generic-password', '-s', KEYCHAIN_ITEM, '-w'],
      {
        timeout: KEYCHAIN_TIMEOUT_MS,
        maxBuffer: KEYCHAIN_MAX_BYTES,
      },
    )
    return stdout.trim() || null
  } catch {
    return null
  }
}
