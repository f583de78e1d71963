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
} as const

const READABLE = 'pictures, PDF, text'

export const CAPABILITIES = {
  web: {
    ...PULL,
    words: {
      name: 'Web chat',
      catchUp: 'the page sends again what was not taken',
      streaming: 'word by word',
      threads: 'each conversation of the page',
      files: 'pictures, PDF',
      commands: '`/new` …',
      login: 'its own dialogue',
      removal: 'never stored',
      repeats: 'by the message’s id',
      typing: 'yes',
      lost: 'nothing',
      doubled: 'nothing',
    },
  },
  telegram: {
    ...CHAT,
    dropsRepeats: false,
    words: {
      name: 'Telegram',
      catchUp: 'kept by Telegram for 24 h',
      streaming: 'edits',
      threads: 'topics of forums',
      files: READABLE,
      commands: '`/new` …, in the menu',
      login: 'private chat',
      removal: 'private chats; groups as administrator',
      repeats: 'no',
      typing: 'yes',
      lost: 'what is older than 24 h when the gateway comes back',
      doubled: 'one part of an answer, when the machine dies between its sending and the note of it',
    },
  },
  discord: {
    ...CHAT,
    dropsRepeats: true,
    words: {
      name: 'Discord',
      catchUp: 'history of every known channel, thread and chat',
      streaming: 'edits',
      threads: 'threads',
      files: READABLE,
      commands: 'native',
      login: 'private chat',
      removal: 'no bot may, in private',
      repeats: 'by nonce, for some minutes',
      typing: 'yes',
      lost: 'the first message ever of a private chat, written while the gateway was away',
      doubled: 'a part whose sending broke off and could be repeated only after Discord forgot its nonce',
    },
  },
  slack: {
    ...CHAT,
    dropsRepeats: true,
    words: {
      name: 'Slack',
      catchUp: 'history of every known channel, thread and chat',
      streaming: 'edits',
      threads: 'threads',
      files: READABLE,
      commands: '`/hermes …`',
      login: 'private chat',
      removal: 'no bot may',
      repeats: 'looked for in the history',
      typing: 'no',
      lost: 'a mention in a thread of others, and what is said in a thread that rested for a week, while the gateway is away',
      doubled: 'the beginning of an answer, when the machine dies between showing it and the note of it',
    },
  },
  matrix: {
    ...CHAT,
    dropsRepeats: true,
    words: {
      name: 'Matrix',
      catchUp: 'position in the stream, gaps from each room’s history',
      streaming: 'edits',
      threads: 'threads',
      files: READABLE,
      commands: '`/new` … or `!new` …',
      login: 'room of two',
      removal: 'as moderator of the room',
      repeats: 'by transaction, for a day (Synapse)',
      typing: 'yes',
      lost: 'what is encrypted; what a room hides from who was out',
      doubled: 'a part whose sending broke off and could be repeated only after the homeserver forgot it',
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
    words: {
      name: 'E-mail',
      catchUp: 'what is new in the mailbox',
      streaming: 'no',
      threads: 'threads of mails',
      files: READABLE,
      commands: '`/new` … in the first line',
      login: 'never',
      removal: 'no',
      repeats: 'by `Message-ID`, where the reader’s program does',
      typing: 'no',
      lost: 'what was deleted or moved before the gateway came back',
      doubled: 'one mail, when the line breaks between its sending and the server’s answer',
    },
  },
  openai: {
    ...PULL,
    words: {
      name: 'OpenAI-compatible endpoint',
      catchUp: 'the program asks again',
      streaming: 'server-sent events',
      threads: 'each conversation of the program',
      files: 'pictures',
      commands: 'none',
      login: 'never',
      removal: 'never stored',
      repeats: 'by `Idempotency-Key`',
      typing: 'no',
      lost: 'nothing',
      doubled: 'nothing, with an `Idempotency-Key`',
    },
  },
} as const satisfies Readonly<Record<string, ChannelCapabilities>>

const ROWS: ReadonlyArray<readonly [string, keyof ChannelWords]> = [
  ['What was missed', 'catchUp'],
  ['Answers as they are written', 'streaming'],
  ['A conversation of its own', 'threads'],
  ['Files in', 'files'],
  ['Commands', 'commands'],
  ['`/login`', 'login'],
  ['Deletes a pasted code', 'removal'],
  ['Recognises a repeated send', 'repeats'],
  ['Shows that it writes', 'typing'],
]

/** The tables of the documentation. */
export function capabilityTables(): string {
  const all = Object.values(CAPABILITIES).map(({ words }) => words)
  const can = [
    ['', ...all.map(({ name }) => name)],
    ...ROWS.map(([title, key]) => [title, ...all.map((words) => words[key])]),
  ]
  const cannot = [
    ['', 'What can be lost', 'What can be seen twice'],
    ...all.map(({ name, lost, doubled }) => [name, lost, doubled]),
  ]
  return `${table(can)}\n\n${table(cannot)}`
}

function table([head = [], ...rows]: ReadonlyArray<readonly string[]>): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
