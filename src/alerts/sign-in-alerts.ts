import { fillText, type Texts } from '../config/texts.ts'
import type { KeeperNotices, KeeperWarning } from '../credentials/keeper/status.ts'
import type { OwnContent } from '../credentials/own/own-document.ts'
import type { OwnSignIns } from '../credentials/own/own-sign-ins.ts'
import type { AlertEvent } from './alert.ts'
import type { Alerter } from './alerter.ts'
import { eventTable } from './event-table.ts'

export interface SignInAlertOptions {
  readonly alerter: Pick<Alerter, 'send'>
  readonly keeper: KeeperNotices
  readonly store: Pick<OwnSignIns, 'current' | 'watch'>
  /** Which sign-in the operator was notified of, kept across restarts. */
  readonly facts: { get(key: string): Promise<string | null>; set(key: string, value: string): Promise<void> }
  readonly texts: Texts
  readonly host: string
  readonly onProblem: (error: unknown) => void
}

/** The id of the sign-in reported to the operator last. */
const NOTIFIED_FACT = 'alerts.sign-in-told'

/**
 * Alerts about the sign-in: the keeper's warnings, and every change of the account, however
 * it was made, so that an intruder cannot replace it unnoticed.
 */
export class SignInAlerts {
  readonly #options: SignInAlertOptions
  #watches: Disposable[] = []
  #comparing: Promise<void> = Promise.resolve()

  constructor(options: SignInAlertOptions) {
    this.#options = options
  }

  start(): void {
    const { keeper, store } = this.#options
    this.#watches = [
      keeper.subscribe((notice) => {
        if (notice.type === 'warning') this.#warn(notice.warning)
      }),
      store.watch(() => this.#compareNext()),
    ]
    this.#compareNext()
  }

  async stop(): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]()
    await this.#comparing
  }

  #warn(warning: KeeperWarning): void {
    const consequence = eventTable.keeperWarning(warning)
    if (consequence.kind !== 'alert') return
    void this.#send(consequence.event, `${warning.text}\nOn ${this.#options.host}: ${warning.command}`)
  }

  #compareNext(): void {
    this.#comparing = this.#comparing.then(() => this.#compare()).catch(this.#options.onProblem)
  }

  async #compare(): Promise<void> {
    const { store, facts, texts, host } = this.#options
    const present = idOf(await store.current())
    if (present === null) return
    const notified = await facts.get(NOTIFIED_FACT)
    if (present.id === notified) return
    await facts.set(NOTIFIED_FACT, present.id)
    // What the first start finds is not a change.
    if (notified === null) return
    await this.#send(
      'signin.changed',
      fillText(texts, 'alert_signin_changed', { account: present.name, by: host }),
    )
  }

  async #send(event: AlertEvent, text: string): Promise<void> {
    await this.#options.alerter.send({ event, text, incident: null }).catch(this.#options.onProblem)
  }
}

/** null: cannot be determined now, so no change is assumed. */
function idOf(content: OwnContent): { readonly id: string; readonly name: string } | null {
  switch (content.kind) {
    case 'oauth':
      return {
        id: content.id,
        name: content.generation.accountEmail ?? content.generation.accountId ?? 'an account',
      }
    case 'api-key':
      return { id: content.id, name: `the API key ${content.key.fingerprint}` }
    case 'absent':
      return { id: 'none', name: 'nobody' }
    case 'unusable':
      return null
  }
}
