import { BudgetAlerts, type BudgetAlertOptions } from './budget-alerts.ts'
import type { Incidents } from './incidents.ts'
import { ModelAlerts, type ModelAlertOptions } from './model-alerts.ts'
import { SignInAlerts, type SignInAlertOptions } from './sign-in-alerts.ts'

export interface DutyOptions {
  readonly incidents: Pick<Incidents, 'lead'>
  /** Notifies people of held messages, and expires those held too long. */
  readonly messaging: { lead(): () => Promise<void> }
  readonly signIn: SignInAlertOptions
  readonly models: ModelAlertOptions
  readonly budgets: BudgetAlertOptions
  /** Removes data past its retention. */
  readonly startRetention: () => Disposable
}

/**
 * The work that one gateway does for all gateways on the same store.
 *
 * @returns stops the duties
 * @throws when one of the duties failed to start; the others are stopped first
 */
export async function startDuties(options: DutyOptions): Promise<() => Promise<void>> {
  const ends: Array<() => unknown> = []
  const end = async () => void (await Promise.all(ends.map((each) => each())))
  try {
    ends.push(await options.incidents.lead(), options.messaging.lead())
    const signInAlerts = new SignInAlerts(options.signIn)
    ends.push(() => signInAlerts.stop())
    signInAlerts.start()
    const modelAlerts = new ModelAlerts(options.models)
    ends.push(() => modelAlerts.stop())
    modelAlerts.start()
    const budgetAlerts = new BudgetAlerts(options.budgets)
    ends.push(() => budgetAlerts.stop())
    budgetAlerts.start()
    const retention = options.startRetention()
    ends.push(() => retention[Symbol.dispose]())
    return end
  } catch (error) {
    await end()
    throw error
  }
}
