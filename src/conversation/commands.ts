import { fillText, type Texts } from '../config/texts.ts'
import type { CommandEffect } from '../inbox/arrival.ts'
import { type GateState, timeInWords } from '../inbox/gate/gate.ts'
import type { Conversation, MessageState } from '../inbox/message.ts'
import { costInWords } from '../usage/cost-in-words.ts'
import {
  cacheShareOf,
  dayOf,
  inputOf,
  startOfMonth,
  totalOf,
  type Ledger,
  type UsageSum,
} from '../usage/ledger.ts'
import type { Conversations } from './conversations.ts'
import type { ModelSettings } from './model-settings.ts'
import type { Chat, Person } from './receiver.ts'

/** A command as it was sent. */
export interface CommandCall {
  readonly name: string
  /** What follows the name, trimmed. */
  readonly rest: string
  readonly channel: string
  readonly address: string
  readonly person: Person
  readonly chat: Chat
  readonly role: 'user' | 'operator'
  /** null: no message was ever stored here. */
  readonly conversation: Conversation | null
  readonly now: number
}

interface CommandReply {
  readonly effect: CommandEffect | null
  readonly reply: string
}

export type Command = (call: CommandCall) => Promise<CommandReply>

/** By the name without the slash. */
export type Commands = ReadonlyMap<string, Command>

/**
 * `/name`, `/name rest`, and in groups `/name@bot rest`. Whether the bot was meant is the
 * channel's to know. Null: not a command by its shape, such as `/usr/bin` or a sentence.
 */
export function parseCommand(text: string): { readonly name: string; readonly rest: string } | null {
  const match = /^\/([a-z][a-z_]*)(?:@\w+)?(?:\s+([\s\S]*))?$/i.exec(text.trim())
  return match ? { name: match[1]!.toLowerCase(), rest: (match[2] ?? '').trim() } : null
}

interface CommandEntry {
  readonly name: string
  /** As the menus of platforms show it. */
  readonly description: string
  /**
   * What words behind the name on its line are. `question`: together with the command a question, for it
   * only says something; `afterwards`: a question that is asked when the command has worked; `secret`: an
   * argument that is not stored, such as half a code or a key.
   */
  readonly rest: 'question' | 'afterwards' | 'argument' | 'secret'
  /** The argument, for menus that show it. */
  readonly argument?: { readonly name: string; readonly description: string }
}

/** Every command, in the order of menus; platforms recognise and list commands by this. */
export const COMMAND_LIST: readonly CommandEntry[] = [
  { name: 'new', description: 'Start a new conversation', rest: 'afterwards' },
  { name: 'stop', description: 'Stop answering', rest: 'afterwards' },
  { name: 'retry', description: 'Answer my last message again', rest: 'question' },
  { name: 'undo', description: 'Take back my last message and its answer', rest: 'question' },
  { name: 'continue', description: 'Finish an answer that was cut short', rest: 'question' },
  { name: 'status', description: 'Is everything working?', rest: 'question' },
  {
    name: 'model',
    description: 'Show or choose the model',
    rest: 'argument',
    argument: { name: 'name', description: 'The model to use from now on' },
  },
  {
    name: 'effort',
    description: 'Show or choose how hard the model works',
    rest: 'argument',
    argument: { name: 'level', description: 'The effort from now on, or auto' },
  },
  { name: 'usage', description: 'What this conversation has used', rest: 'question' },
  {
    name: 'budget',
    description: "Show or raise today's budget (operators, in a private chat)",
    rest: 'argument',
    argument: { name: 'raise', description: 'What to add for today, such as +5' },
  },
  { name: 'help', description: 'What I can do', rest: 'question' },
  {
    name: 'login',
    description: 'Sign the gateway in (operators, in a private chat)',
    rest: 'secret',
    argument: { name: 'what', description: 'replace: let another account take its place' },
  },
]

/** What the apps of some platforms send as their first message; in no menu. */
const FIRST_WORD = 'start'

/** The names of all commands, as alternatives of a regular expression. */
export const COMMAND_NAMES = COMMAND_LIST.map(({ name }) => name).join('|')

/** As `COMMAND_NAMES`, with the word that some apps send first. */
export const COMMAND_NAMES_AND_START = `${COMMAND_NAMES}|${FIRST_WORD}`

const REST: ReadonlyMap<string, CommandEntry['rest']> = new Map([
  [FIRST_WORD, 'question'],
  ...COMMAND_LIST.map(({ name, rest }) => [name, rest] as const),
])

/** What is stored of a message that is a command. */
export function storedText(text: string, name: string): string {
  return REST.get(name) === 'secret' ? `/${name}` : text
}

/** What a message asks for: a command, something of the model, or one after the other. */
export interface Request {
  readonly command: { readonly name: string; readonly rest: string } | null
  /** For the model; null = nothing. */
  readonly question: string | null
}

/**
 * Tells commands from words: `/new what is 2+2?` is a command and a question, `/help me` is a
 * question. Nothing that a person wrote behind a command is lost.
 */
export function readRequest(text: string, commands: Commands): Request {
  const parsed = parseCommand(text)
  if (!parsed || !commands.has(parsed.name)) return { command: null, question: text }
  const { name, rest } = parsed
  if (rest === '') return { command: parsed, question: null }
  if (REST.get(name) === 'afterwards') return { command: { name, rest: '' }, question: rest }
  // The lines after the command are a greeting, as in mails.
  const alone = parseCommand(text.trim().split('\n', 1)[0]!)?.rest === ''
  const isQuestion = REST.get(name) === 'question' && !alone
  return isQuestion ? { command: null, question: text } : { command: parsed, question: null }
}

/** The name of a command that there is not, where the whole message has the form of one; null = it has not. */
export function unknownCommand(text: string, commands: Commands): string | null {
  const name = parseCommand(text)?.name
  return name === undefined || commands.has(name) ? null : name
}

export interface CommandOptions {
  readonly conversations: Conversations
  readonly ledger: Ledger
  readonly texts: Texts
  readonly settings: ModelSettings
  readonly gate: () => GateState
}

/** The commands of every conversation that concern no model. All run at once and skip the queue. */
export function createCommands(options: CommandOptions): Map<string, Command> {
  const { conversations, ledger, texts, settings, gate } = options

  const waitingIn = async (conversation: Conversation | null): Promise<number> => {
    if (!conversation) return 0
    const rows = await conversations.messages(conversation.id, { limit: RECENT_ROWS, beforeSeq: null })
    return rows.filter((row) => row.role === 'user' && WAITING.has(row.state)).length
  }

  const replyWith = (reply: string, effect: CommandEffect | null = null): CommandReply => ({ effect, reply })

  return new Map<string, Command>([
    [FIRST_WORD, async () => replyWith(texts.welcome)],
    ['help', async () => replyWith(texts.help)],
    ['new', async () => replyWith(texts.new_conversation, { ...STOP, clearHistory: true })],
    [
      'stop',
      async ({ conversation }) => {
        const waiting = await waitingIn(conversation)
        // Apply the effect in any case: something may have arrived since.
        return replyWith(waiting > 0 ? texts.stopped : texts.nothing_to_stop, STOP)
      },
    ],
    ['retry', async () => replyWith(texts.nothing_to_retry, { retry: { waiting: texts.retry_waiting } })],
    ['undo', async () => replyWith(texts.undone, { undo: { nothing: texts.nothing_to_undo } })],
    ['continue', async () => replyWith(texts.nothing_to_continue, { resume: true })],
    [
      'status',
      async ({ conversation, channel, address, now }) => {
        const state = gate()
        const waiting = await waitingIn(conversation)
        const model = settings.model(conversation ?? { channel, address })
        if (state.open) return replyWith(fillText(texts, 'status_ready', { model, waiting }))
        const since = timeInWords(state.since, now)
        return replyWith(fillText(texts, 'status_waiting', { since, model, waiting }))
      },
    ],
    [
      'usage',
      async ({ conversation, now, role, chat }) => {
        const usage = conversation ? await conversations.usage(conversation.id) : null
        const days = conversation
          ? await ledger.sums({ by: 'day', since: 0, conversation: conversation.id })
          : []
        const total = totalOf(days)
        const reply = fillText(texts, 'usage', {
          ...costsOf(days, now),
          cost: costInWords(total),
          turns: usage?.turns ?? 0,
          input: inputOf(total),
          output: total.outputTokens,
          cached: Math.round((cacheShareOf(total) ?? 0) * 100),
        })
        // What others cost is nobody else's business.
        if (role !== 'operator' || chat.kind !== 'private') return replyWith(reply)
        const all = await ledger.sums({ by: 'day', since: startOfMonth(now) })
        return replyWith(`${reply}\n${fillText(texts, 'usage_all', costsOf(all, now))}`)
      },
    ],
    // Reserved, so that the words never reach the model; replaced where there is something to sign in, or to spend.
    ['login', async () => replyWith(texts.login_refused)],
    ['budget', async () => replyWith(texts.budget_refused)],
  ])
}

/** @param days sums by day, in UTC as they are */
function costsOf(days: readonly UsageSum[], now: number): { readonly today: string; readonly month: string } {
  const [today, month] = [dayOf(now), dayOf(startOfMonth(now))]
  return {
    today: costInWords(totalOf(days.filter(({ key }) => key === today))),
    month: costInWords(totalOf(days.filter(({ key }) => key >= month))),
  }
}

const STOP: CommandEffect = { withdrawWaiting: true, stopTurn: true }

/** More than may be held in a conversation by default; the exact count beyond does not matter. */
const RECENT_ROWS = 200
const WAITING: ReadonlySet<MessageState> = new Set(['received', 'held', 'answering'])
