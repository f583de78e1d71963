import { messages } from './001-messages.ts'
import { credential } from './002-credential.ts'
import { fleet } from './003-fleet.ts'
import { homes } from './004-homes.ts'
import { effort } from './005-effort.ts'
import { steps } from './006-steps.ts'
import { about } from './007-about.ts'
import { costs } from './008-costs.ts'
import { budgets } from './009-budgets.ts'
import type { Migration } from './migration.ts'

/** Every step there is, in order. */
export const MIGRATIONS: readonly Migration[] = [
  messages,
  credential,
  fleet,
  homes,
  effort,
  steps,
  about,
  costs,
  budgets,
]
