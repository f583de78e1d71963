import { isoTime } from '../../support/clock.ts'
import type { CredentialReason } from '../../support/errors.ts'
import type { KeeperContext } from './keeper-context.ts'
import { UNRENEWABLE_SENTENCE, type CredentialStateName, type KeeperState } from './keeper-state.ts'
import { hasEnded, remember } from './record.ts'
import { loginWarning } from './refresh-policy.ts'
import { suggestedCommand, type KeeperWarning } from './status.ts'

/** What a person should know while the credential still works, each thing once. */

/** This many rejections in a row, and a person is told prominently. */
const REJECTIONS_BEFORE_WARNING = 3

/**
 * An OAuth token that nothing refreshes, or nothing any more: logged at every start, alerted once a token.
 *
 * @param mayAlert false: its end is so near that the outage has the only alert
 */
export function warnUnrenewable(context: KeeperContext, mayAlert = true): void {
  const { active, memory } = context
  if (active === null || active.kind !== 'oauth' || context.current() === null) return
  if (active.refreshSource !== null && !hasEnded(memory.record, active.fingerprint)) return
  const told = memory.record.unrenewableTold
  const isNew = !told.includes(active.fingerprint)
  const alert = isNew && mayAlert
  if (isNew) memory.update({ unrenewableTold: remember(told, active.fingerprint) })
  warn(context, {
    code: 'unrenewable',
    text: UNRENEWABLE_SENTENCE,
    command: commandFor(context, 'at-risk', 'unrenewable'),
    alert,
  })
}

/**
 * No refresh of this sign-in will work again. While its token still works the alert is
 * the one of a token that cannot be refreshed; after that the outage has its own.
 */
export function warnSignInEnded(context: KeeperContext, reason: CredentialReason): void {
  const usable = context.current() !== null
  warn(context, {
    code: 'sign-in-ended',
    text: usable
      ? 'The sign-in has ended; what it gave last still works for a while.'
      : 'The sign-in has ended.',
    command: commandFor(context, 'needs-login', reason),
    alert: false,
  })
  // A borrowed one is refreshed in its last quarter of an hour: two alerts within minutes say one thing.
  warnUnrenewable(context, context.active?.refreshSource?.borrowed !== true)
}

export function warnUnsaved(context: KeeperContext, message: string): void {
  warn(context, {
    code: 'unsaved',
    text: `The new token is not saved and is used from memory: ${message}. It will be saved as soon as there is room.`,
    command: commandFor(context, 'at-risk', 'store'),
    alert: true,
  })
}

export function warnRejectedAgain(context: KeeperContext): void {
  const count = context.memory.record.consecutive401
  if (count !== REJECTIONS_BEFORE_WARNING) return
  warn(context, {
    code: 'rejected-repeatedly',
    text: `The provider has rejected the credential ${count} times in a row.`,
    command: commandFor(context),
    alert: true,
  })
}

/** The API key is used for a dead sign-in. */
export function warnFallback(context: KeeperContext): void {
  warn(context, {
    code: 'fallback-api-key',
    text: 'The OAuth sign-in cannot be used; ANTHROPIC_API_KEY is used instead and is billed.',
    command: commandFor(context),
    alert: true,
  })
}

/** Claude Code's owner signed another account in. */
export function warnAccountChanged(context: KeeperContext): void {
  warn(context, {
    code: 'account-changed',
    text: 'Another account was signed in to Claude Code; its sign-in is used from now on.',
    command: 'hermes auth sources',
    alert: true,
  })
}

/** The end of the sign-in itself is near: 7, 3 and 1 days ahead. */
export function warnLoginEnding(context: KeeperContext): void {
  const { active, memory, clock } = context
  const loginExpiresAt = active?.loginExpiresAt ?? null
  const days = loginWarning(loginExpiresAt, clock.now())
  if (loginExpiresAt === null || days === null) return
  const told = memory.record.loginWarned
  if (told !== null && told.loginExpiresAt >= loginExpiresAt && told.days <= days) return
  memory.update({ loginWarned: { loginExpiresAt, days } })
  const date = isoTime(loginExpiresAt).slice(0, 10)
  warn(context, {
    code: 'login-ending',
    text: `The sign-in ends within ${days === 1 ? 'a day' : `${days} days`}, on ${date}${active?.loginExpiryEstimated ? ' (estimated)' : ''}.`,
    command: commandFor(context, 'needs-login', 'expired'),
    alert: true,
  })
}

/** The command for the active credential, in the state that it is in, or is about to be in. */
function commandFor(
  { state, active }: KeeperContext,
  name: CredentialStateName = state.name,
  reason: CredentialReason | null = reasonOf(state),
): string {
  return suggestedCommand({ state: name, reason, kind: active?.kind ?? null, source: active?.source ?? null })
}

function reasonOf(state: KeeperState): CredentialReason | null {
  return 'reason' in state ? state.reason : null
}

function warn(context: KeeperContext, warning: KeeperWarning): void {
  context.emit({ type: 'warning', at: context.clock.now(), warning })
}
