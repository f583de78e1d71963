import { printableLines } from '../support/printable.ts'

/**
 * Every sentence that people read in chat or in an alert, by the key under which
 * `gateway.texts` replaces it. Words in braces are filled in; a replacement may leave
 * some out, and may not invent any.
 */
export const DEFAULT_TEXTS = {
  held: "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back.",
  usage_limit: "I've reached my usage limit until {time}. Your message is saved, and I'll answer it then.",
  late: '(to your message of {age} ago)',
  hold_full: "I'm still offline and can't save more messages in this chat. Please send this one again later.",
  too_old: 'I was away too long to answer your message of {day}; send it again if it still matters.',

  refused: "I can't answer this message. Please put it differently.",
  refused_too_large: 'This message is too large for me. Please send it in smaller parts.',
  refused_attachment:
    "I can't read that attachment. Please send text, a picture (JPEG, PNG, GIF, WebP) or a PDF.",
  parked: 'Something went wrong with this message. The operator has been told and can try it again.',
  stopped: 'Stopped.',
  nothing_to_stop: 'There is nothing to stop.',
  new_conversation: 'A new conversation begins here.',

  cut_short: '(This answer reached its length limit. Ask me to go on, and I will.)',
  attachment_failed: "I couldn't load that attachment. Please send it again.",
  welcome: 'Hello! Write to me, and I answer. /help shows what else I understand.',
  help: `/new begins a new conversation
/stop stops the answer in hand and drops what waits
/status shows how things are
/model shows or changes the model of this chat
/usage shows what this chat has used`,
  status_ready: 'I am ready. Model: {model}. Waiting in this chat: {waiting}.',
  status_waiting: "I can't reach Claude since {since}. Model: {model}. Waiting in this chat: {waiting}.",
  usage: '{turns} answers in this chat: {input} tokens read, {output} written.',
  model_current: 'This chat uses {model}. To choose: {choices}',
  model_set: 'This chat uses {model} from now on.',
  model_unknown: "I can't use that model here. To choose: {choices}",

  unsupported: "I can't read this kind of message yet. Please send text, a picture or a PDF.",
  rate_limited: 'That was a lot at once. Please wait a minute and go on.',
  not_allowed: "I don't know you yet. Please ask the operator to let you in.",
  pairing_code: "I don't know you yet. Ask the operator to run: hermes pairing approve {channel} {code}",
  secret_pasted:
    'That looked like a sign-in code or a token, so I did not keep it. Please delete it here. To sign in, send /login in a private chat and paste the code as the answer.',

  login_refused: 'Only an operator can sign in, and only in a private chat.',
  login_start:
    'Open this address, sign in, and paste what the page shows here within {minutes} minutes:\n{url}',
  login_waiting: 'I wait for the code. The message with it is deleted where I can.',
  login_checking: 'One moment, I am checking the code.',
  login_other_account: '{reason} To put it in the place of the present one, send /login replace.',
  login_done: 'Signed in as {account}.',
  login_delete_it: 'I cannot delete your message with the code here. Please delete it yourself.',
  login_failed: 'The sign-in did not work: {reason} Send /login to begin again.',

  unrenewable:
    'OAuth token detected without refresh credentials — token will expire and cannot be auto-renewed. {mend}',
  alert_opened: '{what} since {since}. {waiting} waiting. {next} {mend}',
  alert_reminder: 'Still so after {age}: {what}. {waiting} waiting. {next} {mend}',
  alert_closed:
    'Answering again after {age}: {what}. {answered} answered, {refused} refused, {parked} parked.',
  alert_signin_changed: 'The sign-in was changed to {account} through {by}.',
  alert_signin_ending: 'The sign-in ends in {days}, on {date}. {mend}',
  alert_test: 'This is a test from Hermes Gateway on {host}.',
  mend_chat: 'Send /login here, or run `hermes auth login --headless` on {host}.',
  mend_terminal: 'Run `hermes auth login --headless` on {host}.',
} as const

export type TextKey = keyof typeof DEFAULT_TEXTS

/** The sentences in use, each with its placeholders still in it. */
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
