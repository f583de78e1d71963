import type { Migration } from '../migrate.ts'
import { messages } from './001-messages.ts'

/** Every step there is, in order. */
export const MIGRATIONS: readonly Migration[] = [messages]
