import { keyShapeProblem, proveKey } from '../../anthropic/prove-key.ts'
import type { CredentialParts } from '../../credentials/assemble.ts'
import {
  accountName,
  OtherAccount,
  TERMS_NOTICE,
  LoginSessions,
  type FinishedLogin,
} from '../../credentials/login.ts'
import { systemClock } from '../../support/clock.ts'
import { Refused, messageOf } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { confirm, paint, print, printError } from '../terminal/output.ts'
import { readHidden, readLine } from '../terminal/read-line.ts'
import { withCredentials } from './auth-parts.ts'

export interface LoginCommandOptions extends GlobalOptions {
  readonly headless: boolean
  readonly apiKey: boolean
  readonly qr: boolean
  readonly yes: boolean
  readonly replace: boolean
}

/** The owner of sign-ins started by this command. */
const OWNER = 'terminal'

export function authLoginCommand(options: LoginCommandOptions): Promise<ExitCode> {
  return withCredentials(options, (parts) =>
    options.apiKey ? loginWithKey(parts) : loginWithAccount(options, parts),
  )
}

async function loginWithAccount(options: LoginCommandOptions, parts: CredentialParts): Promise<ExitCode> {
  const interactive = process.stdin.isTTY === true
  print(TERMS_NOTICE)
  print()
  if (!options.yes) {
    if (!interactive) {
      printError('pass --yes to accept these terms. Nothing was read.')
      return EXIT.usage
    }
    if (!(await confirm('Continue with a subscription sign-in?'))) {
      printError('nothing was changed.')
      return EXIT.failed
    }
  }
  const { settings, endpoint, own } = parts
  const sessions = new LoginSessions({
    settings: settings.config.auth.oauth,
    endpoint,
    store: own,
    clock: systemClock,
    newCode: 'Run the command again for a new link.',
  })
  const callback = options.headless ? null : await openCallback()
  try {
    const started = await sessions.begin(OWNER, callback?.redirectUri)
    print(
      callback
        ? 'Opening this link in your browser. If that fails, open it yourself:'
        : 'Open this link on any device:',
    )
    print(started.url)
    print()
    if (options.qr) print(await qrCode(started.url))
    callback?.open(started.url)
    print(
      callback
        ? 'Waiting for the browser. You can also paste the code, or the address of the final page:'
        : 'Sign in there, then paste the code (code#state) or the address of the final page here:',
    )
    const paste = callback ? await pasteOrCallback(callback.arrived, started.expiresAt) : await readLine('')
    print('Exchanging the code…')
    const finished = await finish(sessions, paste ?? '', options, interactive)
    return finished ? await reportInUse(parts, `Signed in as ${accountName(finished)}.`) : EXIT.failed
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    printError(error.message)
    return EXIT.failed
  } finally {
    callback?.close()
  }
}

/**
 * Waits for the browser's callback or a pasted code, whichever comes first, until the sign-in expires. If
 * stdin ends, only the browser can complete it.
 */
async function pasteOrCallback(arrived: Promise<string>, expiresAt: number): Promise<string> {
  const done = new AbortController()
  const { promise: over, resolve } = Promise.withResolvers<string>()
  const typed = readLine('', done.signal).then((line) => line ?? over)
  const timer = systemClock.setTimer(() => resolve(''), expiresAt - systemClock.now())
  try {
    return await Promise.race([arrived, typed, over])
  } finally {
    timer.cancel()
    done.abort()
  }
}

/** null: the code belongs to another account, and replacing the current one was not confirmed. */
async function finish(
  sessions: LoginSessions,
  paste: string,
  options: LoginCommandOptions,
  interactive: boolean,
): Promise<FinishedLogin | null> {
  try {
    return await sessions.finish(OWNER, null, paste, options.replace)
  } catch (error) {
    if (!(error instanceof OtherAccount)) throw error
    if (interactive && (await confirm(`${error.message} Replace it?`))) return await sessions.confirm(OWNER)
    printError(`${error.message} Nothing was changed. Pass --replace to replace it.`)
    return null
  }
}

async function loginWithKey(parts: CredentialParts): Promise<ExitCode> {
  const key = (process.stdin.isTTY ? await readHidden('API key: ') : ((await readLine('')) ?? '')).trim()
  const problem = keyShapeProblem(key)
  if (problem !== null) {
    printError(problem)
    return EXIT.failed
  }
  const secret = new Secret(key)
  print('Checking the key with the provider…')
  const { model, auth } = parts.settings.config
  const proof = await proveKey({ baseUrl: model.baseUrl, userAgent: auth.oauth.userAgent }, secret)
  if (proof.kind !== 'accepted') {
    printError(`${proof.message} Nothing was stored.`)
    return EXIT.failed
  }
  await parts.own.signIn({ kind: 'api-key', key: secret })
  return reportInUse(parts, `The API key ${secret.fingerprint} is in use.`)
}

/** Reports success only if the stored sign-in is the one in use. */
async function reportInUse(parts: CredentialParts, success: string): Promise<ExitCode> {
  const { reports } = await parts.resolver.resolve()
  const winner = reports.find(({ inUse }) => inUse)
  if (winner?.source !== 'own') {
    const own = reports.find(({ source }) => source === 'own')
    printError(
      winner
        ? `the sign-in is stored, but ${winner.place} takes precedence. Remove it, then check "hermes auth sources".`
        : `the sign-in is stored, but cannot be used here: ${own?.reason ?? 'it no longer exists'}`,
    )
    return EXIT.failed
  }
  print(paint('green', success))
  print('A running gateway switches to it within five seconds.')
  return EXIT.ok
}

async function qrCode(url: string): Promise<string> {
  const { renderUnicodeCompact } = await import('uqr')
  return renderUnicodeCompact(url)
}

async function openCallback() {
  const { startLoopbackCallback } = await import('./loopback-callback.ts')
  try {
    return await startLoopbackCallback()
  } catch (error) {
    printError(`cannot open a browser here (${messageOf(error)}); paste the code instead.`)
    return null
  }
}
