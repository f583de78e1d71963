/**
 * What each channel can do, declared once: the contract leaves out what a platform cannot, the fault tests
 * of whole gateways count repeats by it, and the table in `docs/channels.md` is made of it.
 */
export interface ChannelCapabilities {
  /** It delivers again what was not acknowledged, or serves it from a cursor. */
  readonly redelivers: boolean
  /** Answers are sent to it (and not read from the store by its own reader). */
  readonly pushes: boolean
  /** Sent messages can be edited. */
  readonly edits: boolean
  /** It tells clients to slow down. */
  readonly limitsRate: boolean
  /** A person can shut the bot out. */
  readonly blocks: boolean
  /** It is another server, which can be down. */
  readonly remote: boolean
  /** Characters of one message, about; by default a few thousand, as in chats. */
  readonly partLength?: number
  /** A repeated send is recognised, so that no answer is ever seen twice. */
  readonly dropsRepeats: boolean
  /** The marks of messages that are being answered and that are held, as its reader sees them; null = it has none. */
  readonly reactions: { readonly taken: string; readonly held: string } | null
  /** How it can show what an answer answers: as people do, so that it is left out where it is clear; by all means; not at all. */
  readonly quotes: 'where it helps' | 'always' | 'never'
  /** For people: how it is called, and what the yes and no above do not say. */
  readonly words: ChannelWords
}

interface ChannelWords {
  readonly name: string
  /** How what was missed is found after an outage. */
  readonly catchUp: string
  readonly streaming: string
  /** What makes a conversation of its own. */
  readonly threads: string
  readonly files: string
  readonly commands: string
  /** Signing in by `/login`. */
  readonly login: string
  /** Deleting a pasted sign-in code. */
  readonly removal: string
  /** How a repeated send is recognised. */
  readonly repeats: string
  readonly typing: string
  readonly marks: string
  readonly quoting: string
  readonly lost: string
  readonly doubled: string
}

const CHAT = {
  redelivers: true,
  pushes: true,
  edits: true,
  limitsRate: true,
  blocks: true,
  remote: true,
  reactions: { taken: '👀', held: '⏳' },
  quotes: 'where it helps',
} as const

/** Whose reader reads the store: nothing is sent, so nothing can be limited, blocked or sent twice. */
const PULL = {
  redelivers: true,
  pushes: false,
  edits: false,
  limitsRate: false,
  blocks: false,
  remote: false,
  dropsRepeats: true,
  reactions: null,
  quotes: 'never',
} as const

const READABLE = 'pictures, PDF, text'

export const CAPABILITIES = {
  web: {
    ...PULL,
    words: {
      name: 'Web chat',
      catchUp: 'the page resends unconfirmed messages',
      streaming: 'word by word',
      threads: 'each conversation of the page',
      files: 'pictures, PDF',
      commands: '`/new` …',
      login: 'a dialog on the page',
      removal: 'never stored',
      repeats: 'by message ID',
      typing: 'yes',
      marks: 'no',
      quoting: 'no',
      lost: 'nothing',
      doubled: 'nothing',
    },
  },
  telegram: {
    ...CHAT,
    dropsRepeats: false,
    reactions: { taken: '👀', held: '😴' },
    words: {
      name: 'Telegram',
      catchUp: 'Telegram keeps updates for 24 h',
      streaming: 'edits',
      threads: 'forum topics',
      files: READABLE,
      commands: '`/new` …, in the menu',
      login: 'private chat',
      removal: 'private chats; groups if administrator',
      repeats: 'no',
      typing: 'yes',
      marks: '👀 taken, 😴 held',
      quoting: 'if not clear; always in groups',
      lost: 'messages older than 24 h when the gateway is back',
      doubled: 'one part of an answer, if the machine crashes after sending it and before recording that',
    },
  },
  discord: {
    ...CHAT,
    dropsRepeats: true,
    words: {
      name: 'Discord',
      catchUp: 'history of all known channels, threads and chats',
      streaming: 'edits',
      threads: 'threads',
      files: READABLE,
      commands: 'native',
      login: 'private chat',
      removal: 'not allowed for bots in private chats',
      repeats: 'by nonce, for a few minutes',
      typing: 'yes',
      marks: '👀 taken, ⏳ held',
      quoting: 'if not clear; always in servers',
      lost: 'the first message of a new private chat, if sent while the gateway was down',
      doubled: 'a part whose sending was interrupted and retried only after Discord forgot its nonce',
    },
  },
  slack: {
    ...CHAT,
    dropsRepeats: true,
    quotes: 'never',
    words: {
      name: 'Slack',
      catchUp: 'history of all known channels, threads and chats',
      streaming: 'edits',
      threads: 'threads',
      files: READABLE,
      commands: '`/hermes …`',
      login: 'private chat',
      removal: 'not allowed for bots',
      repeats: 'by searching the history',
      typing: 'no',
      marks: '👀 taken, ⏳ held',
      quoting: 'no',
      lost: 'while the gateway is down: mentions in threads it is not part of, and messages in threads inactive for a week',
      doubled: 'the start of an answer, if the machine crashes after showing it and before recording that',
    },
  },
  matrix: {
    ...CHAT,
    dropsRepeats: true,
    words: {
      name: 'Matrix',
      catchUp: 'sync position, gaps from the history of each room',
      streaming: 'edits',
      threads: 'threads',
      files: READABLE,
      commands: '`/new` … or `!new` …',
      login: 'room with two members',
      removal: 'if moderator of the room',
      repeats: 'by transaction ID, for a day (Synapse)',
      typing: 'yes',
      marks: '👀 taken, ⏳ held',
      quoting: 'if not clear; always in rooms of several',
      lost: 'encrypted messages; history that a room hides from absent members',
      doubled: 'a part whose sending was interrupted and retried only after the homeserver forgot it',
    },
  },
  email: {
    redelivers: true,
    pushes: true,
    edits: false,
    limitsRate: false,
    blocks: true,
    remote: true,
    partLength: 100_000,
    dropsRepeats: false,
    reactions: null,
    quotes: 'always',
    words: {
      name: 'E-mail',
      catchUp: 'new mail in the mailbox',
      streaming: 'no',
      threads: 'mail threads',
      files: READABLE,
      commands: '`/new` … on the first line',
      login: 'never',
      removal: 'no',
      repeats: 'by `Message-ID`, if the mail program supports it',
      typing: 'no',
      marks: 'no',
      quoting: 'always',
      lost: 'mail deleted or moved before the gateway was back',
      doubled: 'one mail, if the connection breaks before the server confirms it',
    },
  },
  openai: {
    ...PULL,
    words: {
      name: 'OpenAI-compatible endpoint',
      catchUp: 'the client retries',
      streaming: 'server-sent events',
      threads: 'each conversation of the client',
      files: 'pictures',
      commands: 'none',
      login: 'never',
      removal: 'never stored',
      repeats: 'by `Idempotency-Key`',
      typing: 'no',
      marks: 'no',
      quoting: 'no',
      lost: 'nothing',
      doubled: 'nothing, with an `Idempotency-Key`',
    },
  },
} as const satisfies Readonly<Record<string, ChannelCapabilities>>

const ROWS: ReadonlyArray<readonly [string, keyof ChannelWords]> = [
  ['Catching up after downtime', 'catchUp'],
  ['Streaming answers', 'streaming'],
  ['Separate conversations', 'threads'],
  ['Incoming files', 'files'],
  ['Commands', 'commands'],
  ['`/login`', 'login'],
  ['Deletes a pasted sign-in code', 'removal'],
  ['Detects a repeated send', 'repeats'],
  ['Typing indicator', 'typing'],
  ['Marks on waiting messages', 'marks'],
  ['Answers quote the question', 'quoting'],
]

/** The tables of the documentation. */
export function capabilityTables(): string {
  const all = Object.values(CAPABILITIES).map(({ words }) => words)
  const can = [
    ['', ...all.map(({ name }) => name)],
    ...ROWS.map(([title, key]) => [title, ...all.map((words) => words[key])]),
  ]
  const cannot = [
    ['', 'What can be lost', 'What can appear twice'],
    ...all.map(({ name, lost, doubled }) => [name, lost, doubled]),
  ]
  return `${table(can)}\n\n${table(cannot)}`
}

function table([head = [], ...rows]: ReadonlyArray<readonly string[]>): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
