import { execFile } from 'node:child_process'
import { SECOND } from '../../support/clock.ts'
import type { CredentialReason } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import { isSandboxToken, tokenShapeProblem } from '../../support/text/token-shape.ts'
import { managedCredential, NOT_YET_ISSUED, type CredentialKind, type SourceName } from '../credential.ts'
import {
  livesLonger,
  type Generation,
  type RefreshableSignIn,
  type RefreshOutcome,
  type StoredSignIn,
} from '../sign-in.ts'
import {
  absentSource,
  NOTHING_TO_WATCH,
  SANDBOX_TOKEN_REFUSED,
  type CredentialSource,
  type SourceReading,
} from './decision.ts'

/** A vault that needs longer is not answering. As long as a request waits for a refresh. */
const TIMEOUT_MS = 30 * SECOND
/** Many times the longest token; more is a program that talks. */
const MAX_OUTPUT_BYTES = 64 * 1024

/** What a program needs to find itself, its home and its words; nothing that holds a secret. */
const PASSED_ON = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'] as const

export interface RefreshCommandOptions {
  /** The argv of the program; null = none configured. */
  readonly argv: readonly string[] | null
  /** Where the passed-on variables are taken from. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly allowSandboxTokens: boolean
}

/** `auth.refresh_command`: a program, run without a shell, whose first line of output is a token. */
export function refreshCommandSource(options: RefreshCommandOptions): CredentialSource {
  const source = 'refresh-command'
  const { argv } = options
  const program = argv?.[0]
  if (argv === null || program === undefined) {
    return absentSource(source, 'auth.refresh_command', 'not configured')
  }
  const run = oneAtATime((signal) => runCommand(program, argv.slice(1), options, signal))
  const signIn = new OnDemandSignIn(run)
  return {
    name: source,
    read: async () => [readOnDemand(source, 'command', program, signIn)],
    watch: () => NOTHING_TO_WATCH,
  }
}

function runCommand(
  program: string,
  args: readonly string[],
  options: RefreshCommandOptions,
  signal: AbortSignal,
): Promise<Issue> {
  const env = Object.fromEntries(PASSED_ON.map((name) => [name, options.environment[name]]))
  return new Promise((resolve) => {
    const limits = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const
    const child = execFile(program, args, { ...limits, env, signal, shell: false }, (error, stdout) => {
      // The program's own output may hold anything, so none of it is repeated.
      if (error) resolve(failed(failureOf(error)))
      else resolve(issueOf(stdout, options.allowSandboxTokens))
    })
    // A program that asks a question must not wait for an answer that nobody gives.
    child.stdin?.end()
  })
}

function issueOf(stdout: string, allowSandboxTokens: boolean): Issue {
  const text = stdout.trim()
  const problem = tokenShapeProblem(text)
  if (problem !== null) return failed(`what the refresh command printed ${problem}`)
  if (!allowSandboxTokens && isSandboxToken(text)) {
    return failed(`what the refresh command printed ${SANDBOX_TOKEN_REFUSED}`)
  }
  return { kind: 'issued', generation: { ...NOT_YET_ISSUED, accessToken: new Secret(text), expiresAt: null } }
}

function failureOf(error: Error & { code?: unknown; killed?: boolean }): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
    return 'the refresh command printed more than 64 KiB'
  if (error.killed) return 'the refresh command took longer than 30 s'
  if (typeof error.code === 'number') return `the refresh command ended with exit code ${error.code}`
  return `the refresh command cannot be run (${typeof error.code === 'string' ? error.code : 'no reason given'})`
}

function failed(message: string): Issue {
  return { kind: 'failed', reason: 'endpoint', message }
}

/** Callers that come while it runs get the same answer. */
function oneAtATime<T>(run: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let running: Promise<T> | null = null
  return (signal) =>
    (running ??= run(signal).finally(() => {
      running = null
    }))
}

export type Issue =
  | { readonly kind: 'issued'; readonly generation: Generation }
  | { readonly kind: 'failed'; readonly reason: CredentialReason; readonly message: string }

/**
 * A sign-in that lives elsewhere and gives a token when it is asked: a command. Nothing of it is spent or stored here; the last token is kept in memory.
 */
export class OnDemandSignIn implements RefreshableSignIn {
  readonly #issue: (signal: AbortSignal) => Promise<Issue>
  #last: Generation = NOT_YET_ISSUED

  /** @param issue asks for a token */
  constructor(issue: (signal: AbortSignal) => Promise<Issue>) {
    this.#issue = issue
  }

  get last(): Generation {
    return this.#last
  }

  async read(): Promise<StoredSignIn> {
    return { kind: 'present', generation: this.#last }
  }

  async refresh(spent: Generation, signal: AbortSignal): Promise<RefreshOutcome> {
    const again = spent !== NOT_YET_ISSUED
    const issue = await this.#issue(signal)
    if (issue.kind === 'failed') return transient(issue.reason, issue.message)
    const { generation } = issue
    if (again && generation.accessToken.equals(spent.accessToken) && !livesLonger(generation, spent)) {
      return transient('revoked', 'the same token was given again')
    }
    this.#last = generation
    return { kind: 'renewed', generation }
  }

  async saveUnsaved(): Promise<boolean> {
    return true
  }

  watch(): Disposable {
    return NOTHING_TO_WATCH
  }
}

/** What the resolver sees of a sign-in that is asked on demand. */
export function readOnDemand(
  source: SourceName,
  kind: CredentialKind,
  place: string,
  signIn: OnDemandSignIn,
): SourceReading {
  const credential = managedCredential(signIn.last, {
    kind,
    source,
    signIn,
    borrowed: true,
    needsNoRefreshToken: true,
  })
  return { source, place, kind: 'present', credential }
}

function transient(reason: CredentialReason, message: string): RefreshOutcome {
  return { kind: 'transient', reason, message, retryAfterMs: null, ambiguous: false }
}
