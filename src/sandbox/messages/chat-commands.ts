import { SECOND } from '../../support/clock.ts'
import { durationText, parseDuration } from '../duration.ts'
import {
  faultName,
  MESSAGE_FAULTS,
  TOKEN_FAULTS,
  type Fault,
  type FaultTarget,
} from '../faults/fault-names.ts'
import type { World } from '../world.ts'
import { textOfSize } from './answer.ts'
import type { Draft } from './draft.ts'
import { MARKDOWN_SHOWCASE } from './markdown-showcase.ts'
import type { MessageRequest } from './message-request.ts'
import {
  rehearseCut,
  rehearsePause,
  rehearseRefusal,
  rehearseThinking,
  rehearseTool,
  rehearseTools,
} from './rehearsals.ts'

/** Ends every fault even while the Messages API is broken. */
export const REPAIR_COMMAND = '!repair'

/** The default length of a break: a visitor who breaks the chat cannot repair it through the chat. */
const DEFAULT_BREAK_MS = 60_000
const DEFAULT_SLOW_MS = 5_000
const DEFAULT_LIMIT_MS = 120_000
const DEFAULT_LONG_KB = 20
/** More than any chat shows, little enough to build at once. */
const MAX_LONG_KB = 1_000

interface Command {
  readonly usage: string
  readonly does: string
  /** @param rest what stands behind the command, as it was written; `words` are its words */
  readonly run: (
    world: World,
    words: readonly string[],
    request: MessageRequest,
    rest: string,
  ) => string | Draft
}

const COMMANDS: Readonly<Record<string, Command>> = {
  help: { usage: '!help', does: 'this list', run: help },
  expire: {
    usage: '!expire',
    does: 'the access token ends now; the next message needs a refresh',
    run: (world) =>
      `Done: ${count(world.control.expire(), 'access token')} ended. Your next message needs a refresh.`,
  },
  revoke: {
    usage: '!revoke',
    does: 'the whole sign-in is revoked; only a new sign-in helps',
    run: (world) => {
      const revoked = count(world.control.revoke(), 'sign-in')
      return `Done: ${revoked} revoked. What you write now is kept until somebody signs in again.`
    },
  },
  break: {
    usage: '!break token-endpoint|messages [FAULT] [60s]',
    does: 'breaks one of the two endpoints for a while',
    run: breakEndpoint,
  },
  slow: {
    usage: '!slow [5s]',
    does: 'answers for the next minute take so long',
    run: (world, [text]) => {
      const delayMs = parseDuration(text) ?? DEFAULT_SLOW_MS
      replace(world, { target: 'messages', fault: 'slow', delayMs, forMs: DEFAULT_BREAK_MS })
      return `For the next minute each answer waits ${durationText(delayMs)}.`
    },
  },
  limit: {
    usage: '!limit [2m]',
    does: 'the usage limit is reached, with a reset time',
    run: (world, [text]) => {
      const resetInMs = parseDuration(text) ?? DEFAULT_LIMIT_MS
      replace(world, { target: 'messages', fault: 'usage-limit', resetInMs })
      return `The usage limit is reached from now on, for ${durationText(resetInMs)}.`
    },
  },
  repair: {
    usage: REPAIR_COMMAND,
    does: 'ends every fault (a revoked sign-in stays revoked)',
    run: (world) => {
      world.control.repair()
      return 'Everything works again.'
    },
  },
  status: { usage: '!status', does: 'what is broken, and what was counted', run: status },
  long: {
    usage: '!long [20]',
    does: 'a long answer, in kB',
    run: (_world, [text]) => textOfSize(Math.min(Number(text) || DEFAULT_LONG_KB, MAX_LONG_KB) * 1_000),
  },
  markdown: { usage: '!markdown', does: 'everything that Markdown can do', run: () => MARKDOWN_SHOWCASE },
  tool: {
    usage: '!tool NAME [{…}]',
    does: 'calls a tool that is offered, with this input',
    run: (_world, _words, request, rest) => rehearseTool(request, rest),
  },
  tools: {
    usage: '!tools [2]',
    does: 'calls several tools in one answer',
    run: (_world, _words, request, rest) => rehearseTools(request, rest),
  },
  pause: {
    usage: '!pause [NAME [{…}]]',
    does: 'pauses with an open call of a server tool; with NAME, calls that tool, too',
    run: (_world, _words, request, rest) => rehearsePause(request, rest),
  },
  think: {
    usage: '!think [redacted] [TEXT]',
    does: 'thinks before it answers',
    run: (_world, _words, request, rest) => rehearseThinking(request, rest),
  },
  refuse: {
    usage: '!refuse [late] [CATEGORY]',
    does: 'refuses, at once or in the middle of its text',
    run: (_world, words) => rehearseRefusal(words),
  },
  cut: {
    usage: '!cut [NAME]',
    does: 'the limit of tokens ends the answer, in the middle of a call where tools are offered',
    run: (_world, _words, request, rest) => rehearseCut(request, rest),
  },
  echo: { usage: '!echo TEXT', does: 'says TEXT', run: (_world, words) => words.join(' ') || '(nothing)' },
}

/** Whether this message is a command for the simulated model. */
export function isCommand(text: string): boolean {
  return text.startsWith('!') && /^!\s*[a-z]/i.test(text)
}

/** Executes a chat command; the answer says what was done, or is what the command asks for. */
export function obey(world: World, request: MessageRequest, text: string): string | Draft {
  // Further lines are other messages that were waiting together with this one.
  const [line = ''] = text.slice(1).trim().split('\n')
  const [name = '', ...words] = line.split(/\s+/)
  const command = COMMANDS[name.toLowerCase()]
  const rest = line.slice(name.length).trim()
  return command
    ? command.run(world, words, request, rest)
    : `I don't know \`!${name}\`. Send \`!help\` for what I do.`
}

function breakEndpoint(world: World, words: readonly string[]): string {
  const target = words[0] as FaultTarget | undefined
  if (target !== 'token-endpoint' && target !== 'messages') {
    return 'Say which: `!break token-endpoint 60s` or `!break messages overloaded 60s`.'
  }
  const rest = words.slice(1)
  const forMs = rest.map(parseDuration).find((ms) => ms !== null) ?? DEFAULT_BREAK_MS
  const asked =
    rest.find((word) => parseDuration(word) === null) ?? (target === 'messages' ? 'overloaded' : '500')
  const fault = faultName(target, asked)
  if (!fault) {
    const names = Object.keys(target === 'messages' ? MESSAGE_FAULTS : TOKEN_FAULTS).join('`, `')
    return `I don't know the fault \`${asked}\`. There are: \`${names}\`.`
  }
  const retryAfter = fault === '429' || fault === 'rate-limit' ? Math.ceil(forMs / SECOND) : undefined
  replace(world, { target, fault, forMs, ...(retryAfter === undefined ? {} : { retryAfter }) } as Fault)
  const where = target === 'messages' ? 'The Messages API' : 'The token endpoint'
  return `${where} is broken now (\`${fault}\`), for ${durationText(forMs)}.`
}

/** In the chat the newest command counts: it replaces the previous fault. */
function replace(world: World, fault: Fault): void {
  world.faults.clear(fault.target)
  world.control.fault(fault)
}

function status(world: World): string {
  const now = world.clock.now()
  const faults = world.faults.active().map(({ fault, until }) => {
    const rest = until === null ? 'until repaired' : `${durationText(until - now)} left`
    return `- **${fault.target}**: \`${fault.fault}\`, ${rest}`
  })
  const { counts } = world.events
  const broken = faults.length === 0 ? 'Nothing is broken.' : `Broken:\n\n${faults.join('\n')}`
  return (
    `${broken}\n\nI have answered ${count(counts.messages, 'message')}, rejected ` +
    `${count(counts.rejections, 'request')} and seen ${count(counts.tokenRequests, 'token request')}.`
  )
}

function help(): string {
  const rows = Object.values(COMMANDS).map(({ usage, does }) => `- \`${usage}\` – ${does}`)
  return `I am a simulation, and these words break or repair me:\n\n${rows.join('\n')}`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
