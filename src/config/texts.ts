import { printableLines } from '../support/text/printable.ts'

/**
 * Every sentence that people read in chat or in an alert, by the key under which
 * `gateway.texts` replaces it. Words in braces are filled in; a replacement may omit
 * some, but may not add any.
 */
export const DEFAULT_TEXTS = {
  held: "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back.",
  usage_limit: "I've reached my usage limit until {time}. Your message is saved, and I'll answer it then.",
  budget_reached: "I've reached today's budget. Your message is saved, and I'll answer it at {time}.",
  budget_month_reached:
    "I've reached this month's budget. Your message is saved, and I'll answer it on {time}.",
  late: '(Replying to your message from {age} ago)',
  hold_full: "I'm still offline and can't save more messages in this chat. Please send this one again later.",
  too_old: 'I was away too long to answer your message of {day}; send it again if it still matters.',

  refused: "I can't answer this message. Please try rephrasing it.",
  refused_too_large: 'This message is too large for me. Please send it in smaller parts.',
  refused_too_long: 'The answer grew too long before it began. Please ask for something shorter.',
  refused_attachment:
    "I can't read that attachment. Please send text, a picture (JPEG, PNG, GIF, WebP) or a PDF.",
  parked: 'Something went wrong with this message. The operator has been notified and can retry it.',
  stopped: 'Stopped.',
  nothing_to_stop: 'Nothing is running.',
  retry_waiting: "Your last message is still waiting. I'll answer it as soon as I can.",
  nothing_to_retry: 'There is no message to answer again.',
  undone: 'Undone. I no longer see your message "{question}" or any answer to it.',
  nothing_to_undo: 'There is nothing to undo.',
  nothing_to_continue: 'There is nothing to continue: my last answer is complete.',
  unknown_command: "I don't know the command /{name}. /help lists all commands.",
  new_conversation: 'Started a new conversation.',

  cut_short: '(This answer reached its length limit. Send "continue" for the rest.)',
  interrupted: '(This answer was interrupted. Send "continue" for the rest.)',
  attachment_failed: "I couldn't load that attachment. Please send it again.",
  welcome: 'Hello! Send me a message to get started. /help lists the commands.',
  help: `/new – start a new conversation
/stop – stop the current answer and clear the queue
/retry – answer your last message again
/undo – take back your last message and its answer
/continue – finish an answer that was cut short
/status – check whether I'm online
/model – show or change the model of this chat
/effort – show or change how hard the model works here
/usage – show what this chat has used and cost
/help – show this list
/login – sign me in (operators, in a private chat)
/budget – show or raise today's budget (operators, in a private chat)`,
  status_ready: "I'm online, using {model}. Messages waiting in this chat: {waiting}.",
  status_waiting:
    "I haven't been able to reach Claude since {since}. Model: {model}. Messages waiting in this chat: {waiting}.",
  usage:
    'This chat today: {today}. This month: {month}. So far: {cost}, {input} input tokens, of these {cached} % from the cache, and {output} output tokens. Answers: {turns}.',
  usage_all: 'All chats today: {today}. This month: {month}.',
  model_current: 'Current model: {model}. Available:{choices}',
  model_set: 'Switched this chat to {model}.',
  model_unknown: "I can't use that model here. Available: {choices}",
  model_not_listed: "This account doesn't have that model. Closest: {choices}. /model lists all of them.",
  effort_current: 'Current effort: {effort}. Available:{choices}',
  effort_set: 'Set the effort of this chat to {effort}.',
  effort_unknown: "I don't know that effort. Available: {choices}",
  effort_none: '{model} has no levels of effort that I know of.',

  budget_refused: 'Only an operator can see or raise the budget, and only in a private chat.',
  budget_none: 'No budget for a day or a month is set.',
  budget_spent: 'Spent:{budgets}',
  budget_raised: 'Raised by {amount} for today. Spent:{budgets}',
  budget_unreadable: 'Send /budget to see what is spent, or /budget +5 to add 5 USD for today.',

  unsupported: "I can't read this kind of message yet. Please send text, a picture or a PDF.",
  rate_limited: "You're sending messages too quickly. Please wait a minute.",
  not_allowed: "I don't know you yet. Please ask the operator to give you access.",
  pairing_code: "I don't know you yet. Ask the operator to run: hermes pairing approve {channel} {code}",
  secret_pasted:
    'That looked like a sign-in code or a token, so I did not keep it. Please delete it here. To sign in, send /login in a private chat and send the code as your next message.',

  login_refused: 'Only an operator can sign in, and only in a private chat.',
  login_word_key: 'New API key',
  login_word_subscription: 'Subscription',
  login_word_agree: 'I understand',
  login_choose:
    'I use an API key. Reply "{key}" to give me another one, or "{subscription}" to sign in with a Claude subscription.',
  login_terms:
    'Anthropic keeps subscription sign-ins for Claude Code and its own applications, bills their use by other programs as extra usage, and may refuse them; for programs it asks for an API key. You continue at your own risk. Reply "{agree}" to get the link.',
  login_ask_key: "Now send me the API key. I'll delete your message if I'm allowed to.",
  login_start:
    'Open this link, sign in, and paste the code from the page here within {minutes} minutes:\n{url}',
  login_waiting: "Now send me the code. I'll delete your message if I'm allowed to.",
  login_checking: 'Checking the code…',
  login_other_account: '{reason} To switch to it, send /login replace.',
  login_slip: '{reason} The sign-in is still open; /login cancel ends it.',
  login_not_kept: "That is not what I'm waiting for, so I did not keep it.",
  login_over: 'No sign-in is open here any more, so I did not keep it. Send /login to start again.',
  login_cancelled: 'The sign-in is cancelled.',
  login_none: 'No sign-in is open here.',
  login_done: 'Signed in as {account}.',
  login_key_done: 'The provider accepts the API key {fingerprint}, and it is stored.',
  login_delete_it: "I can't delete your message with the code here. Please delete it yourself.",
  login_failed: 'The sign-in failed: {reason} Send /login to start again.',

  unrenewable:
    'OAuth token detected without refresh credentials — token will expire and cannot be auto-renewed. {mend}',
  alert_opened: 'Down since {since}: {what}. {waiting} waiting. {next} {mend}',
  alert_reminder: 'Still down after {age}: {what}. {waiting} waiting. {next} {mend}',
  alert_closed:
    'Back online after {age} (cause: {what}). {answered} answered, {refused} refused, {parked} parked.',
  alert_signin_changed: 'Signed in as {account} (changed from {by}).',
  alert_signin_ending: 'Your sign-in expires in {days}, on {date}. {mend}',
  alert_model_retiring:
    '{model} retires on {date}. Set another one as model.default or in overrides; `hermes models` lists them.',
  alert_budget: '{budget}: {percent} % is spent, {spent} of {limit}.',
  alert_budget_reached:
    '{budget} is reached: {spent} of {limit} is spent. Messages are saved, and answered from {time} on. Send /budget +5 here to raise it today.',
  alert_price_unknown:
    'The price of {model} is unknown: budgets count it at the highest known one. Set it in model.prices.',
  alert_cache_misses:
    'For an hour only {share} % of what could be read from the prompt cache was read: {reason}. Until that is fixed, answers cost more. The log names the conversations.',
  alert_cache_used_again: 'The prompt cache is used again as it should be.',
  alert_test: 'This is a test alert from Hermes Gateway on {host}.',
  mend_chat: 'Send /login here, or run `hermes auth login --headless` on {host}.',
  mend_key:
    'Put in a new API key: send /login here, use the Sign-in page, or run `hermes auth login --api-key` on {host}.',
  mend_claude_code: 'Run `claude auth login` on {host}, or send /login here to give me a sign-in of my own.',
  mend_profile:
    'Run `ant auth login --no-browser` on {host}, or send /login here to give me a sign-in of my own.',
  mend_command:
    'Check auth.refresh_command in config.yaml on {host}, or send /login here to give me a sign-in of my own.',
  mend_terminal: 'Run `hermes auth login --headless` on {host}.',
} as const

export type TextKey = keyof typeof DEFAULT_TEXTS

/** The configured sentences, placeholders not yet filled in. */
export type Texts = Readonly<Record<TextKey, string>>

/** The words in braces of a sentence. */
type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never

export type TextValues<Key extends TextKey> = Readonly<
  Record<Placeholders<(typeof DEFAULT_TEXTS)[Key]>, string | number>
>

/** Sentence `key` of `texts` with its placeholders filled in. */
export function fillText<Key extends TextKey>(
  texts: Texts,
  key: Key,
  ...[values]: keyof TextValues<Key> extends never ? [] : [values: TextValues<Key>]
): string {
  const known = (values ?? {}) as Record<string, string | number>
  // One pass: a value that itself holds braces is not filled a second time.
  return texts[key].replace(PLACEHOLDER, (whole, name: string) =>
    Object.hasOwn(known, name) ? printableLines(String(known[name])) : whole,
  )
}

/** The names in braces within `text`, in their order. */
export function placeholdersOf(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map((match) => match[1]!)
}

const PLACEHOLDER = /\{([a-z_]+)\}/g
