import { fillText, type Texts } from '../config/texts.ts'
import { BUDGET_NAMES, commonClaims, type BudgetLimits, type BudgetUse } from '../usage/budget.ts'
import type { Budgets } from '../usage/budgets.ts'
import { dollars } from '../usage/cost-in-words.ts'
import { nanoOf } from '../usage/cost.ts'
import type { Command, CommandCall } from './commands.ts'

export interface BudgetCommandOptions {
  readonly budgets: Pick<Budgets, 'use' | 'raise'>
  readonly limits: BudgetLimits
  /** Platforms in whose private chats operators are known. */
  readonly channels: ReadonlySet<string>
  readonly texts: Texts
  /** Budgets were raised: messages that wait for them may be tried. */
  readonly onRaised: () => Promise<void>
}

/** `+5`, `+2.50` */
const RAISE = /^\+\s?\$?(\d{1,6}(?:\.\d{1,9})?)$/

/** `/budget` shows what is spent of the common budgets, and `/budget +5` raises those of the day and the month for today. */
export function budgetCommand(options: BudgetCommandOptions): Command {
  const { budgets, limits, channels, texts, onRaised } = options

  const mayAsk = ({ role, chat, channel }: CommandCall) =>
    role === 'operator' && chat.kind === 'private' && channels.has(channel)

  return async (call) => {
    const { rest, now } = call
    if (!mayAsk(call)) return reply(texts.budget_refused)
    const claims = commonClaims(limits, now)
    const raisable = claims.filter(({ kind }) => kind === 'day' || kind === 'month')
    if (raisable.length === 0) return reply(texts.budget_none)
    if (rest === '')
      return reply(fillText(texts, 'budget_spent', { budgets: lines(await budgets.use(claims, now)) }))
    const wanted = RAISE.exec(rest)?.[1]
    const amount = wanted === undefined ? 0 : nanoOf(Number(wanted))
    if (amount === 0) return reply(texts.budget_unreadable)
    await budgets.raise(raisable, amount, now)
    await onRaised()
    const values = { amount: dollars(amount), budgets: lines(await budgets.use(claims, now)) }
    return reply(fillText(texts, 'budget_raised', values))
  }
}

function reply(sentence: string) {
  return { effect: null, reply: sentence }
}

/** One a line. */
function lines(uses: readonly BudgetUse[]): string {
  return uses
    .map(({ claim, spent, raised }) => {
      const name = BUDGET_NAMES[claim.kind]
      return `\n${name}: ${dollars(spent)} of ${dollars(claim.limit + raised)}`
    })
    .join('')
}
