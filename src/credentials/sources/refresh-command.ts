import { execFile } from 'node:child_process'
import { SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { isSandboxToken, tokenShapeProblem } from '../../support/text/token-shape.ts'
import { managedCredential, NOT_YET_ISSUED } from '../credential.ts'
import {
  livesLonger,
  transientFailure,
  type Generation,
  type RefreshableSignIn,
  type RefreshOutcome,
  type StoredSignIn,
} from '../sign-in.ts'
import { absentSource, NOTHING_TO_WATCH, SANDBOX_TOKEN_REFUSED, type CredentialSource } from './decision.ts'

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
  const { argv } = options
  const program = argv?.[0]
  if (argv === null || program === undefined) {
    return absentSource('refresh-command', 'auth.refresh_command', 'not configured')
  }
  return onDemandSource(
    program,
    oneAtATime((signal) => runCommand(program, argv.slice(1), options, signal)),
  )
}

/** Asks for a token: its outcome is `renewed` or `transient`. Never rejects. */
type Ask = (signal: AbortSignal) => Promise<RefreshOutcome>

/** What `ask` gives, as a source. */
export function onDemandSource(place: string, ask: Ask): CredentialSource {
  const source = 'refresh-command'
  const signIn = new OnDemandSignIn(ask)
  const origin = { kind: 'command', source, signIn, borrowed: true, needsNoRefreshToken: true } as const
  return {
    name: source,
    read: async () => [
      { source, place, kind: 'present', credential: managedCredential(signIn.last, origin) },
    ],
    watch: () => NOTHING_TO_WATCH,
  }
}

function runCommand(
  program: string,
  args: readonly string[],
  options: RefreshCommandOptions,
  signal: AbortSignal,
): Promise<RefreshOutcome> {
  const env = Object.fromEntries(PASSED_ON.map((name) => [name, options.environment[name]]))
  return new Promise((resolve) => {
    const limits = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const
    const child = execFile(program, args, { ...limits, env, signal, shell: false }, (error, stdout) => {
      // The program's own output may hold anything, so none of it is repeated.
      if (error) resolve(transientFailure('endpoint', failureOf(error)))
      else resolve(outcomeOf(stdout, options.allowSandboxTokens))
    })
    // A program that asks a question must not wait for an answer that nobody gives.
    child.stdin?.end()
  })
}

function outcomeOf(stdout: string, allowSandboxTokens: boolean): RefreshOutcome {
  const text = stdout.trim()
  const isRefused = !allowSandboxTokens && isSandboxToken(text)
  const problem = tokenShapeProblem(text) ?? (isRefused ? SANDBOX_TOKEN_REFUSED : null)
  if (problem !== null) {
    return transientFailure('endpoint', `what the refresh command printed ${problem}`)
  }
  return {
    kind: 'renewed',
    generation: { ...NOT_YET_ISSUED, accessToken: new Secret(text), expiresAt: null },
  }
}

function failureOf(error: Error & { code?: unknown; killed?: boolean }): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
    return 'the refresh command printed more than 64 KiB'
  if (error.killed) return 'the refresh command took longer than 30 s'
  if (typeof error.code === 'number') return `the refresh command ended with exit code ${error.code}`
  return `the refresh command cannot be run (${typeof error.code === 'string' ? error.code : 'no reason given'})`
}

/** Callers that come while it runs get the same answer. */
function oneAtATime<T>(run: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let running: Promise<T> | null = null
  return (signal) =>
    (running ??= run(signal).finally(() => {
      running = null
    }))
}

/** A sign-in that lives elsewhere: nothing of it is spent or stored here, and the last token is kept in memory. */
class OnDemandSignIn implements RefreshableSignIn {
  readonly #ask: Ask
  #last: Generation = NOT_YET_ISSUED

  constructor(ask: Ask) {
    this.#ask = ask
  }

  get last(): Generation {
    return this.#last
  }

  async read(): Promise<StoredSignIn> {
    return { kind: 'present', generation: this.#last }
  }

  async refresh(spent: Generation, signal: AbortSignal): Promise<RefreshOutcome> {
    const outcome = await this.#ask(signal)
    if (outcome.kind !== 'renewed') return outcome
    const { generation } = outcome
    const isSame = spent !== NOT_YET_ISSUED && generation.accessToken.equals(spent.accessToken)
    if (isSame && !livesLonger(generation, spent)) {
      return transientFailure('revoked', 'the same token was given again')
    }
    this.#last = generation
    return outcome
  }

  async saveUnsaved(): Promise<boolean> {
    return true
  }

  watch(): Disposable {
    return NOTHING_TO_WATCH
  }
}
