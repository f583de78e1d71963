import { trimMarks, withoutInvisible } from '../../support/text/token-shape.ts'

/** Where a person's sign-in from a chat stands: none, open, or over without an end a short while ago. */
export type SignInPhase = 'none' | 'open' | 'over'

/** What somebody sends in the private chat in which they may sign in. */
export interface SignInLine {
  readonly phase: SignInPhase
  /** A command to the bot with nothing behind it that would be asked or stored. */
  readonly isCommand: boolean
  readonly text: string
}

/** The shortest half of a code that comes too late and is still taken for one. */
const SHORTEST_LATE_HALF = 16

/**
 * Does a message belong to the sign-in, so that it is never stored? Pure; the only place that decides it.
 *
 * While a sign-in is open, everything but a command does: a half, a mistyped or a torn code cannot be told
 * from words for certain, and a question that is turned away can be asked again. Shortly after one that ran
 * out or was cancelled, or in a chat next to the sign-in, only a lone random word does. What is a
 * secret beyond doubt is turned away at any time, from anybody; see `looksLikeSignInPaste`.
 */
export function belongsToSignIn({ phase, isCommand, text }: SignInLine): boolean {
  switch (phase) {
    case 'none':
      return false
    case 'open':
      return !isCommand
    case 'over':
      return !isCommand && isLoneHalf(text)
  }
}

/** One piece without spaces, longer than most words, with the mark of a code or the look of chance. */
function isLoneHalf(text: string): boolean {
  const word = trimMarks(withoutInvisible(text).trim())
  if (word.length < SHORTEST_LATE_HALF || !/^#?[\w-]+#?$/.test(word)) return false
  return /[\d#]/.test(word) || /[a-z][A-Z]/.test(word)
}

/** Could anything in it be a part of a code or a key? A sentence of words is not, and need not be deleted. */
export function mayHoldCode(text: string): boolean {
  const words = withoutInvisible(text).split(/\s+/).map(trimMarks)
  return (
    words.every((word) => word === '') || words.some((word) => /#|\w\d|\d\w|[a-z][A-Z]|\w[_-]\w/.test(word))
  )
}
