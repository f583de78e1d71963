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

/** The owner of a sign-in that is started here: there is one terminal. */
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
      printError('these terms have to be accepted: give --yes. Nothing was read.')
      return EXIT.usage
    }
    if (!(await confirm('Go on with a subscription sign-in?'))) {
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
  })
  const callback = options.headless ? null : await openCallback()
  try {
    const started = await sessions.begin(OWNER, callback?.redirectUri)
    print(
      callback
        ? 'Your browser opens this address; if it does not, open it yourself:'
        : 'Open this address on any device:',
    )
    print(started.url)
    print()
    if (options.qr) print(await qrCode(started.url))
    callback?.open(started.url)
    print(
      callback
        ? 'Waiting for the browser. You can also paste the address that it ends at, or the code:'
        : 'Sign in there, and paste the code that the page shows (code#state), or the address it ends at:',
    )
    const paste = callback ? await pasteOrArrival(callback.arrived, started.expiresAt) : await readLine('')
    print('Exchanging the code…')
    const finished = await finish(sessions, paste ?? '', options, interactive)
    return finished ? await report(parts, `Signed in as ${accountName(finished)}.`) : EXIT.failed
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    printError(error.message)
    return EXIT.failed
  } finally {
    callback?.close()
  }
}

/**
 * What comes first, from the browser or by hand. An input that ends (there may be none at all) leaves it to
 * the browser; the wait itself ends with the sign-in's life.
 */
async function pasteOrArrival(arrived: Promise<string>, expiresAt: number): Promise<string> {
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

/** null: another account, and nobody said that it may take the place. */
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
    printError(`${error.message} Nothing was changed. Give --replace if that is what you want.`)
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
  print('Asking the provider whether it takes this key…')
  const { model, auth } = parts.settings.config
  const proof = await proveKey({ baseUrl: model.baseUrl, userAgent: auth.oauth.userAgent }, secret)
  if (proof.kind !== 'accepted') {
    printError(`${proof.message} Nothing was stored.`)
    return EXIT.failed
  }
  await parts.own.signIn({ kind: 'api-key', key: secret })
  return report(parts, `The API key ${secret.fingerprint} is in use.`)
}

/** Stored is not yet used: where something else still wins, that is said. */
async function report(parts: CredentialParts, done: string): Promise<ExitCode> {
  const { reports } = await parts.resolver.resolve()
  const winner = reports.find(({ inUse }) => inUse)
  if (winner?.source !== 'own') {
    const own = reports.find(({ source }) => source === 'own')
    printError(
      winner
        ? `the sign-in is stored, but ${winner.place} still wins. Remove it, and look at "hermes auth sources".`
        : `the sign-in is stored, but cannot be used here: ${own?.reason ?? 'it is gone'}`,
    )
    return EXIT.failed
  }
  print(paint('green', done))
  print('A running gateway takes it over within five seconds.')
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
    printError(`no browser can be opened here (${messageOf(error)}); going on by paste.`)
    return null
  }
}
