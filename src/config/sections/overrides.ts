import { PERSON_IDS } from '../person-ids.ts'
import { record } from '../shape/compound.ts'
import { text } from '../shape/scalars.ts'
import { key, optional, section } from '../shape/section.ts'
import { budget } from './budgets.ts'
import { effort, modelName } from './model.ts'

const override = section({
  model: optional(modelName, 'The model there; left out: model.default.'),
  effort: optional(effort, 'The effort there; left out: model.effort.'),
  system_prompt: optional(text, 'What the model is told there behind SOUL.md; left out: nothing more.'),
  budget_day: optional(
    budget,
    'What each of these chats may spend in a day, in USD; left out: no limit of its own.',
  ),
})

export const overrides = key(
  record(override, {
    form: new RegExp(`^(?:${[...Object.keys(PERSON_IDS), 'web', 'openai'].join('|')}):\\S(?:.*\\S)?$`),
    words: 'a channel and a chat id, such as telegram:-1001234, or telegram:* for all of its chats',
  }),
  {},
  'Another model, effort, system prompt or budget for a chat, such as "telegram:-1001234", or for a whole channel, such as "telegram:*": of each key the nearest one counts. What a chat has chosen by /model or /effort wins.',
)
