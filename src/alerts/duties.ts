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

/** What one gateway does for all that work on the same store. @returns how it is ended */
export async function takeDuties(options: DutyOptions): Promise<() => Promise<void>> {
  const incidentsOver = await options.incidents.lead()
  const noticesOver = options.messaging.lead()
  const signInAlerts = new SignInAlerts(options.signIn)
  signInAlerts.start()
  const retention = options.startRetention()
  return async () => {
    retention[Symbol.dispose]()
    await Promise.all([signInAlerts.stop(), noticesOver(), incidentsOver()])
  }
}
