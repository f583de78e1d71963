import { distance } from 'fastest-levenshtein'
import { modelId } from '../config/sections/model.ts'
import { fillText, type Texts } from '../config/texts.ts'
import type { Command, CommandCall } from './commands.ts'
import { type ModelSettings, findModel } from './model-settings.ts'

/** Few enough to read, enough to hold what was meant. */
const NEAREST = 3
const MODEL_NAME = /^[\w.:@/-]{1,100}$/

interface ModelCommandOptions {
  readonly settings: ModelSettings
  readonly texts: Texts
}

/** `/model` and `/effort`: what answers in a chat. */
export function modelCommands({ settings, texts }: ModelCommandOptions): ReadonlyMap<string, Command> {
  const { models } = settings
  return new Map<string, Command>([
    [
      'model',
      async (call) => {
        const chat = chatOf(call)
        const choices = settings.choices(chat)
        if (call.rest === '') {
          const model = settings.model(chat)
          const present = findModel(models.current().models, model)?.id ?? model
          return reply(fillText(texts, 'model_current', { model, choices: lines(choices, present) }))
        }
        const wanted = modelId(call.rest)
        const standard = settings.defaultModel(chat)
        // Until the provider has been asked, nobody knows what the account has; an operator may try.
        const isUnasked = models.current().source === 'built-in'
        const mayTry = isUnasked && call.role === 'operator' && MODEL_NAME.test(wanted)
        if (!settings.isChoice(chat, wanted) && !mayTry) {
          return reply(fillText(texts, 'model_not_listed', { choices: nearest(wanted, choices).join(', ') }))
        }
        const effect = { model: wanted === standard ? null : wanted }
        return { effect, reply: fillText(texts, 'model_set', { model: wanted }) }
      },
    ],
    [
      'effort',
      async (call) => {
        const chat = chatOf(call)
        const model = settings.model(chat)
        const levels = models.find(model)?.efforts ?? []
        if (levels.length === 0) return reply(fillText(texts, 'effort_none', { model }))
        const choices = ['auto', ...levels]
        const present = settings.effort(chat)
        if (call.rest === '') {
          return reply(
            fillText(texts, 'effort_current', { effort: present, choices: lines(choices, present) }),
          )
        }
        const wanted = call.rest.toLowerCase()
        if (!choices.includes(wanted)) {
          return reply(fillText(texts, 'effort_unknown', { choices: choices.join(', ') }))
        }
        const isStandard = wanted === 'auto' || wanted === settings.defaultEffort(chat)
        const effort = wanted === 'auto' ? settings.defaultEffort(chat) : wanted
        return {
          effect: { effort: isStandard ? null : wanted },
          reply: fillText(texts, 'effort_set', { effort }),
        }
      },
    ],
  ])
}

function reply(sentence: string) {
  return { effect: null, reply: sentence }
}

function chatOf({ conversation, channel, address }: CommandCall) {
  return conversation ?? { channel, address }
}

/** One a line, the present one marked. */
function lines(choices: readonly string[], present: string): string {
  return choices.map((choice) => `\n${choice}${choice === present ? ' (current)' : ''}`).join('')
}

/** Those that hold the name; where there are none, the most alike. */
function nearest(name: string, choices: readonly string[]): readonly string[] {
  const short = name.toLowerCase().slice(0, MAX_COMPARED)
  const holding = choices.filter((choice) => choice.includes(short))
  if (holding.length > 0) return holding.slice(0, NEAREST)
  return choices.toSorted((a, b) => distance(short, a) - distance(short, b)).slice(0, NEAREST)
}

/** Longer than any model's name: a page of text is not compared with each of them. */
const MAX_COMPARED = 100
