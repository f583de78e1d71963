import type { Incidents } from './incidents.ts'
import { SignInAlerts, type SignInAlertOptions } from './sign-in-alerts.ts'

export interface DutyOptions {
  readonly incidents: Pick<Incidents, 'lead'>
  /** Tells people that they wait, and gives up what has waited too long. */
  readonly messaging: { lead(): () => Promise<void> }
  readonly signIn: SignInAlertOptions
  /** Removes what is older than its term. */
  readonly startRetention: () => Disposable
}

/**
 * What one gateway does for all that work on the same store.
 *
 * @returns how it is ended
 * @throws when one of the duties could not be begun; then the others are ended
 */
export async function takeDuties(options: DutyOptions): Promise<() => Promise<void>> {
  const ends: Array<() => unknown> = []
  const end = async () => void (await Promise.all(ends.map((each) => each())))
  try {
    ends.push(await options.incidents.lead(), options.messaging.lead())
    const signInAlerts = new SignInAlerts(options.signIn)
    ends.push(() => signInAlerts.stop())
    signInAlerts.start()
    const retention = options.startRetention()
    ends.push(() => retention[Symbol.dispose]())
    return end
  } catch (error) {
    await end()
    throw error
  }
}
