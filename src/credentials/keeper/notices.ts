import type { Rejection } from '../credential.ts'
import type { AuthStatus } from './status.ts'

/** What the keeper tells its listeners: alerts, metrics, logs, the gate before the inbox. */
export type KeeperNotice =
  /** `from` is null for the state in which the keeper starts. */
  | {
      readonly type: 'transition'
      readonly at: number
      readonly from: AuthStatus | null
      readonly to: AuthStatus
      /** May requests begin? Until the refresh that is under way has failed, they only wait for it. */
      readonly usable: boolean
      /** For people; null when healthy. */
      readonly message: string | null
    }
  | {
      readonly type: 'refresh'
      readonly at: number
      readonly outcome: string
      readonly message: string | null
    }
  | {
      readonly type: 'rejection'
      readonly at: number
      readonly fingerprint: string
      readonly rejection: Rejection
    }
  | { readonly type: 'probe'; readonly at: number; readonly accepted: boolean }
  | { readonly type: 'warning'; readonly at: number; readonly warning: KeeperWarning }

/** What reports the life of the credential. */
export interface KeeperNotices {
  subscribe(listener: (notice: KeeperNotice) => void): Disposable
}

type WarningCode =
  | 'unrenewable'
  | 'rejected-repeatedly'
  | 'sign-in-ended'
  | 'unsaved'
  | 'login-ending'
  | 'fallback-api-key'
  | 'account-changed'

export interface KeeperWarning {
  readonly code: WarningCode
  readonly text: string
  /** The suggested fix. */
  readonly command: string
  /** False: for the log only, because the operator was notified of this before, or is notified of it by another alert. */
  readonly alert: boolean
}
