import type { CredentialReason } from '../../support/errors.ts'
import type { KeeperCore } from './keeper-core.ts'
import { UNRENEWABLE_SENTENCE } from './keeper-state.ts'
import type { KeeperWarning } from './notices.ts'
import { remember } from './record.ts'
import { loginWarning } from './refresh-policy.ts'
import { mendingCommand } from './validation.ts'

/** This many rejections in a row, and a person is told prominently. */
const REJECTIONS_BEFORE_WARNING = 3

/** Says what a person should know while the credential still works, each thing once. */
export class Warnings {
  readonly #core: KeeperCore
  #standInFor: string | null = null

  constructor(core: KeeperCore) {
    this.#core = core
  }

  /** An OAuth token that nothing refreshes, or nothing any more: logged at every start, alerted once a token. */
  unrenewable(): void {
    const { held, book } = this.#core
    if (held === null || held.credential.kind !== 'oauth' || this.#core.current() === null) return
    const ended = book.record.ended?.fingerprint === held.credential.fingerprint
    if (held.renewal !== null && !ended) return
    this.#saySoOnce(held.credential.fingerprint, book.record.unrenewableTold)
  }

  /** The refresh source has ended while the token still works. */
  signInEnded(reason: CredentialReason, usable: boolean): void {
    const { held, book } = this.#core
    if (held === null) return
    this.#say({
      code: 'sign-in-ended',
      text: usable
        ? 'The sign-in has ended; what it gave last still works for a while.'
        : 'The sign-in has ended.',
      command: mendingCommand('needs-login', reason),
      alert: true,
    })
    if (usable) this.#saySoOnce(held.credential.fingerprint, book.record.unrenewableTold)
  }

  unsaved(message: string): void {
    this.#say({
      code: 'unsaved',
      text: `The new token is not saved and is used from memory: ${message}. It will be saved as soon as there is room.`,
      command: mendingCommand('at-risk', 'store'),
      alert: true,
    })
  }

  /** @param count rejections in a row */
  rejectedAgain(count: number): void {
    if (count !== REJECTIONS_BEFORE_WARNING) return
    const { name } = this.#core.state
    const reason = 'reason' in this.#core.state ? this.#core.state.reason : null
    this.#say({
      code: 'rejected-repeatedly',
      text: `The provider has rejected the credential ${count} times in a row.`,
      command: mendingCommand(name, reason),
      alert: true,
    })
  }

  /** The API key stands in for a dead sign-in: said once for each sign-in. */
  standIn(): void {
    const fingerprint = this.#core.held?.credential.fingerprint ?? ''
    if (this.#standInFor === fingerprint) return
    this.#standInFor = fingerprint
    const { state } = this.#core
    this.#say({
      code: 'fallback-api-key',
      text: 'The OAuth sign-in cannot be used; ANTHROPIC_API_KEY stands in for it and is billed.',
      command: mendingCommand(state.name, 'reason' in state ? state.reason : null),
      alert: true,
    })
    this.#core.tellState()
  }

  /** The end of the sign-in itself is near: 7, 3 and 1 days ahead. */
  loginEnding(): void {
    const { held, book, clock } = this.#core
    const loginExpiresAt = held?.loginExpiresAt ?? null
    const days = loginWarning(loginExpiresAt, clock.now())
    if (loginExpiresAt === null || days === null) return
    const told = book.record.loginWarned
    if (told !== null && told.loginExpiresAt >= loginExpiresAt && told.days <= days) return
    book.update({ loginWarned: { loginExpiresAt, days } })
    const date = new Date(loginExpiresAt).toISOString().slice(0, 10)
    this.#say({
      code: 'login-ending',
      text: `The sign-in ends within ${days === 1 ? 'a day' : `${days} days`}, on ${date}${held?.loginExpiryEstimated ? ' (estimated)' : ''}.`,
      command: mendingCommand('needs-login', 'expired'),
      alert: true,
    })
  }

  #saySoOnce(fingerprint: string, told: readonly string[]): void {
    const alert = !told.includes(fingerprint)
    if (alert) this.#core.book.update({ unrenewableTold: remember(told, fingerprint) })
    this.#say({
      code: 'unrenewable',
      text: UNRENEWABLE_SENTENCE,
      command: mendingCommand('at-risk', 'unrenewable'),
      alert,
    })
  }

  #say(warning: KeeperWarning): void {
    this.#core.tell({ type: 'warning', at: this.#core.clock.now(), warning })
  }
}
