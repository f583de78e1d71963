import type { Reserved, ReserveRequest } from '../../usage/budgets.ts'
import { closeSlices, otherOwners, reserve as reserveSteps } from '../records/budgets.ts'
import { runSteps } from './run-steps.ts'
import type { Session } from './thread/session.ts'

/** See `Budgets.reserve`. */
export function reserve(session: Session, request: ReserveRequest): Reserved {
  const first = runSteps(session, reserveSteps(request, false))
  return first.kind === 'more' ? (runSteps(session, reserveSteps(request, true)) as Reserved) : first
}

/** See `Budgets.close`. */
export function close(session: Session, owner: string, now: number): void {
  runSteps(session, closeSlices([owner], now))
}

/** See `Budgets.closeGone`. A kernel lock guarantees one gateway per home: every other owner is gone. */
export function closeGone(session: Session, owner: string, now: number): void {
  runSteps(session, closeSlices(runSteps(session, otherOwners(owner)), now))
}
