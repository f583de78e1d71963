import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, extname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** Folders and pages that are scanned: texts, comments, names and documentation. */
const SCANNED = [
  'README.md',
  'bench',
  'src/alerts',
  'src/anthropic',
  'src/channels',
  'src/cli',
  'src/config',
  'src/conversation',
  'src/credentials',
  'src/gateway',
  'src/http',
  'src/inbox',
  'src/main.ts',
  'src/oauth',
  'src/sandbox',
  'src/storage',
  'src/support',
  'test',
  'web/src',
  'docs/architecture.md',
  'docs/channels.md',
  'docs/configuration.md',
  'docs/dashboard.md',
  'docs/decisions',
  'docs/discord.md',
  'docs/email.md',
  'docs/fleet.md',
  'docs/http-api.md',
  'docs/matrix.md',
  'docs/openai-api.md',
  'docs/operating.md',
  'docs/sandbox.md',
  'docs/scale.md',
  'docs/sign-in-files.md',
  'docs/slack.md',
  'docs/telegram.md',
  'docs/webhooks.md',
]
/** Describes where in a text a token is: "beside" and "stand in" are meant literally there. */
const NOT_SCANNED: ReadonlySet<string> = new Set(['src/support/text/token-shape.ts'])
const EXTENSIONS: ReadonlySet<string> = new Set(['.ts', '.tsx', '.md'])

/** Wordings that a reader stumbles over, and what to write instead. */
const BANNED: ReadonlyArray<readonly [pattern: RegExp, instead: string]> = [
  [/\bmend(s|ed|ing)?\b/i, 'fix, repair'],
  [/\banew\b/i, 'again'],
  [/\bin hand\b/i, 'current, in flight'],
  [/\b(go|goes|going|went|gone) on\b/i, 'continue'],
  [/\bas ever\b/i, 'as before'],
  [/\bforsaken\b/i, 'has no workers'],
  [/\brelieved\b/i, 'has a standby'],
  [/\bwhat wait(s|ed)\b/i, 'waiting messages'],
  [/\bnobody would\b/i, 'say what does not happen'],
  [/\bstand-ins?\b/i, 'simulator, fallback'],
  [/\bby (itself|themselves)\b/i, 'automatically'],
  [/\bmeanwhile\b/i, 'in the meantime, since then'],
  [/\blies (at|in|on|there|where)\b/i, 'is'],
  [/\bstands? (above|at|below|beside|for|in|on|there)\b/i, 'is, means'],
  [/\b(be|been|is|are|was|were) told of\b/i, 'is notified of'],
  [/\btells? of\b/i, 'reports'],
  [/\bhear[ds]? of\b/i, 'is notified of'],
  [/\blook(s|ed|ing)? at\b/i, 'check, read, see'],
  [/\blet(s|ting)? (in|go)\b/i, 'approve, release'],
  [/\bleft alone\b/i, 'ignored, not changed'],
  [/\b(do|does|did) not take\b/i, 'rejects'],
  [/\b(it|that) is over\b/i, 'it has ended, it has expired'],
  [/\bis so already\b/i, 'nothing to change'],
  [/\bfor ever\b/i, 'forever, without expiry'],
  [/\bwithout a word\b/i, 'silently, by default'],
  [/\bwhoever\b/i, 'anybody who, the process that'],
  [/\bthe former\b/i, 'the previous, the old'],
  [/\bpatience\b/i, 'back-off, timeout, "asked to wait"'],
  [/\bputs? aside\b/i, 'rename, move'],
  [/\bbeside\b/i, 'next to, in addition to, while'],
  [/\bverdicts?\b/i, 'result'],
  [/\bshall\b/i, 'should, will'],
  [/\b(an|the) own\b/i, 'its own'],
  [/\breckon(s|ed|ing)?\b/i, 'compute'],
  [/\bclimbs?\b/i, 'run the steps'],
  [/\bfriendly sentence\b/i, 'short reply'],
  [/\bno luxury\b/i, 'give the reason'],
  [/\bmay not talk\b|\bmay talk\b/i, 'has (no) access'],
]

interface Exception {
  readonly file: string
  /** A part of the line. */
  readonly text: string
  /** Where the wording is fixed. */
  readonly source: string
}

const READ = 'a text that people read'
const NAME = 'a name that several files use'
const SENT = 'a message that the test sends'

/** Exceptions in the code of the channels and of the credentials, one a line. */
const IN_ROOMS: ReadonlyArray<readonly [file: string, text: string, source: string]> = [
  ['src/channels/discord/api/client.ts', 'the file lies on a server that is not asked', READ],
  ['src/channels/discord/socket/close-codes.ts', 'it is tried again by itself', READ],
  ['src/channels/discord/socket/close-codes.ts', 'Verdict', NAME],
  ['src/channels/discord/socket/connection.ts', 'type Verdict', NAME],
  ['src/channels/discord/socket/connection.ts', 'verdict', NAME],
  ['src/channels/discord/socket/gateway.ts', 'verdict', NAME],
  ['src/channels/email/failure.ts', 'does not take the name or the password', READ],
  ['src/channels/email/intake/intake.ts', 'a mail is left alone: ', READ],
  ['src/channels/kit/intake/reading-mark.ts', "READING_CURSOR = 'in hand'", 'a stored key'],
  ['src/channels/email/send/smtp-client.ts', 'does not take the name or the password', READ],
  ['src/channels/email/trust/authentication-results.ts', 'Verdict', NAME],
  ['src/channels/email/trust/authentication-results.ts', 'verdicts', NAME],
  ['src/channels/email/trust/sender.test.ts', 'read?.verdicts', NAME],
  ['src/channels/email/trust/sender.ts', 'there are two verdicts of ', READ],
  ['src/channels/email/trust/sender.ts', 'the verdict of DMARC is about another domain', READ],
  ['src/channels/email/trust/sender.ts', 'Verdict', NAME],
  ['src/channels/email/trust/sender.ts', 'verdicts', NAME],
  ['src/channels/matrix/rooms/invitations.test.ts', "'meanwhile'", SENT],
  ['src/channels/matrix/sync/sync-loop.ts', 'the homeserver does not take this access token', READ],
  ['src/channels/matrix/sync/sync.test.ts', 'said meanwhile', SENT],
  ['src/channels/slack/api/trouble.ts', 'to look at pictures and files', READ],
  ['src/channels/slack/api/trouble.ts', 'Slack does not take ${name}', READ],
  ['src/channels/slack/intake/intake.test.ts', '> look at this', SENT],
  ['src/channels/slack/intake/intake.test.ts', "'patience'", SENT],
  ['src/channels/slack/send/sender.test.ts', 'yes, go on', SENT],
  [
    'src/channels/slack/socket/connection.test.ts',
    'Slack does not take ${name}',
    'src/channels/slack/api/trouble.ts',
  ],
  ['src/channels/telegram/api/find-operator.ts', 'Go on where the code was shown', READ],
  ['src/credentials/keeper/status.ts', 'is to go on alone', READ],
  ['src/credentials/login.ts', 'Going on is your own choice', READ],
  ['src/credentials/own/own-document.ts', 'sign in anew to use one here', READ],
  ['src/credentials/own/own-store.test.ts', "toContain('put aside')", 'src/credentials/own/own-store.ts'],
  ['src/credentials/own/own-store.ts', 'beside(', NAME],
  ['src/credentials/own/own-store.ts', 'it was put aside as', READ],
  [
    'src/credentials/sources/decision.test.ts',
    'before it needs mending',
    'src/credentials/sources/decision.ts',
  ],
  ['src/credentials/sources/decision.ts', 'beside an OAuth', READ],
  ['src/credentials/sources/decision.ts', 'needs mending first', READ],
  ['src/credentials/sources/profile.ts', "'not looked at'", READ],
  ['src/credentials/sources/sources.ts', 'not looked at: auth.adopt_claude_code is false', READ],
]

/** Texts that are quoted to the letter, or are part of a public format. */
const EXCEPTIONS: readonly Exception[] = [
  {
    file: 'src/config/texts.ts',
    text: '{mend}',
    source: 'a placeholder of `gateway.texts`',
  },
  {
    file: 'src/config/texts.test.ts',
    text: '{ mend: ',
    source: 'a placeholder of `gateway.texts`',
  },
  {
    file: 'src/alerts/wording.ts',
    text: 'mend: remedy(',
    source: 'a placeholder of `gateway.texts`',
  },
  {
    file: 'docs/configuration.md',
    text: '{mend}',
    source: 'a placeholder of `gateway.texts`',
  },
  {
    file: 'src/cli/doctor/doctor.ts',
    text: 'mend: fix',
    source: 'the JSON key of `hermes doctor --json`',
  },
  {
    file: 'src/cli/doctor/check-slack.test.ts',
    text: 'Slack does not take SLACK_BOT_TOKEN',
    source: 'src/channels/slack/api/trouble.ts',
  },
  {
    file: 'src/cli/doctor/check-slack.test.ts',
    text: 'files:read (to look at pictures and files)',
    source: 'src/channels/slack/api/trouble.ts',
  },
  {
    file: 'docs/slack.md',
    text: 'Slack does not take SLACK_BOT_TOKEN',
    source: 'src/channels/slack/api/trouble.ts',
  },
  {
    file: 'docs/slack.md',
    text: 'Slack does not take SLACK_APP_TOKEN',
    source: 'src/channels/slack/api/trouble.ts',
  },
  {
    file: 'docs/matrix.md',
    text: 'the homeserver does not take this access token',
    source: 'src/channels/matrix/sync/sync-loop.ts',
  },
  {
    file: 'docs/email.md',
    text: 'does not take the name or the password',
    source: 'src/channels/email/failure.ts',
  },
  {
    file: 'docs/email.md',
    text: 'a mail is left alone: …',
    source: 'src/channels/email/intake/intake.ts',
  },
  {
    file: 'src/storage/postgres/migrations/002-credential.ts',
    text: 'A row stays for ever',
    source: 'SQL of a released migration',
  },
  {
    file: 'src/storage/postgres/migrations/002-credential.ts',
    text: 'What cannot be read is put aside',
    source: 'SQL of a released migration',
  },
  {
    file: 'src/storage/postgres/migrations/004-homes.ts',
    text: 'as few as the work in hand',
    source: 'SQL of a released migration',
  },
  {
    file: 'test/acceptance/doctor.test.ts',
    text: 'mend',
    source: 'the JSON key of `hermes doctor --json`',
  },
  {
    file: 'test/acceptance/doctor-of-mail.test.ts',
    text: 'mend: ',
    source: 'the JSON key of `hermes doctor --json`',
  },
  {
    file: 'test/acceptance/files-of-another-program.test.ts',
    text: 'mend',
    source: 'the JSON key of `hermes doctor --json`',
  },
  {
    file: 'test/faults/41-another-program-on-one-home.test.ts',
    text: 'mend',
    source: 'the JSON key of `hermes doctor --json`',
  },
  {
    file: 'test/acceptance/email-refusals.test.ts',
    text: 'does not take .* app password',
    source: 'src/channels/email/failure.ts',
  },
  ...IN_ROOMS.map(([file, text, source]) => ({ file, text, source })),
]

interface Finding {
  readonly file: string
  readonly line: number
  readonly found: string
  readonly instead: string
  readonly exception: Exception | undefined
}

function findings(): readonly Finding[] {
  return SCANNED.flatMap((path) => filesAt(join(ROOT, path))).flatMap(scan)
}

function filesAt(path: string): readonly string[] {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && EXTENSIONS.has(extname(entry.name)))
    .filter((entry) => entry.name !== basename(import.meta.filename))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !NOT_SCANNED.has(relative(ROOT, file)))
}

function scan(path: string): readonly Finding[] {
  const file = relative(ROOT, path)
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((text, index) =>
    BANNED.flatMap(([pattern, instead]) => {
      // A wording may continue on the next line, after the mark of a comment.
      const next = lines[index + 1]?.replace(/^\s*(\*|\/\/)?\s*/, '') ?? ''
      const found = pattern.exec(`${text.trimEnd()} ${next}`)
      if (!found || found.index > text.length) return []
      const exception = EXCEPTIONS.find((each) => each.file === file && text.includes(each.text))
      return [{ file, line: index + 1, found: found[0], instead, exception }]
    }),
  )
}

test('texts, comments and documentation use plain words', () => {
  const bad = findings().filter(({ exception }) => exception === undefined)
  const report = bad.map(({ file, line, found, instead }) => `${file}:${line}: "${found}" → ${instead}`)
  expect(report).toEqual([])
})

test('every exception is still needed', () => {
  const used = new Set(findings().map(({ exception }) => exception))
  expect(EXCEPTIONS.filter((exception) => !used.has(exception))).toEqual([])
})
