import type { AnswerPlan, Question } from '../types.ts'

export const DEFAULT_PLAN: AnswerPlan = {
  style: 'friendly',
  reply: null,
  delayMs: 0,
  deltaDelayMs: 0,
  wordsPerDelta: 3,
  stopReason: 'end_turn',
  thinks: false,
}

/** A visitor should see that an answer is written piece by piece. */
export const VISITOR_PACE: Partial<AnswerPlan> = { delayMs: 200, deltaDelayMs: 25, wordsPerDelta: 2 }

const QUOTED_CHARACTERS = 300
const SENTENCE = 'The quick brown fox jumps over the lazy dog while the gateway keeps every message safe. '

/** The simulated model's text: always the same for the same question and style. */
export function answerFor(plan: AnswerPlan, question: Question): string {
  const { style } = plan
  if (style === 'echo') return `Echo: ${question.text}`
  if (style === 'friendly') return friendly(question)
  return 'text' in style ? style.text || ' ' : textOfSize(style.bytes)
}

/** Plain ASCII sentences in paragraphs, exactly `bytes` long. */
export function textOfSize(bytes: number): string {
  const paragraph = `${SENTENCE.repeat(5).trimEnd()}\n\n`
  return paragraph.repeat(Math.ceil(bytes / paragraph.length)).slice(0, Math.max(1, bytes))
}

/** Cuts a text into pieces of `wordsPerDelta` words; joined they are the text again. */
export function piecesOf(text: string, wordsPerDelta: number): string[] {
  const words = text.match(/\s*\S+\s*$|\s*\S+/g) ?? [text]
  const pieces: string[] = []
  for (let i = 0; i < words.length; i += wordsPerDelta) {
    pieces.push(words.slice(i, i + wordsPerDelta).join(''))
  }
  return pieces
}

function friendly({ text, turns, attachments, model }: Question): string {
  const shown = text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}…` : text
  const quote = shown
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n')
  const seen =
    attachments === 0 ? '' : ` It came with **${attachments} attachment${attachments === 1 ? '' : 's'}**.`
  const remembered = turns === 1 ? 'your first message' : `message ${turns} of this conversation`
  return (
    `You wrote:\n\n${quote}\n\nThat is ${remembered}, and it arrived safely.${seen} ` +
    `I am the *simulated* \`${model}\`: I cannot think, but I answer reliably. Send \`!help\` to see what ` +
    `you can break, and **how the gateway recovers**.`
  )
}
