import { list, orNull } from '../shape/compound.ts'
import { amount, count } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'

/** Far above what a gateway spends in a month: what is more was meant for another unit. */
export const budget = orNull(amount(1_000_000))

export const budgets = group(
  'What may be spent, in USD by the table of prices. Days and months are those of UTC. A message that finds no room waits until the budget opens again.',
  {
    day: key(budget, null, 'In a day. null: no limit.'),
    month: key(budget, null, 'In a month. null: no limit.'),
    person_day: key(budget, null, 'By each person in a day. null: no limit.'),
    // A loop between two programs costs no more by the time somebody looks.
    unattended_day: key(
      budget,
      1,
      'In a day for everything together that nobody attends, such as what comes by webhooks. null: no limit.',
    ),
    alert_at: key(
      list(count(1, 100)),
      [50, 80, 100],
      'Shares of the common budgets, in percent, at which operators are alerted; each once a period.',
    ),
  },
)
