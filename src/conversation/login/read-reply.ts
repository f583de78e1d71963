import { DEFAULT_TEXTS, type Texts } from '../../config/texts.ts'
import { trimMarks, withoutInvisible } from '../../support/text/token-shape.ts'

/** What a sign-in from a chat waits for. */
export type LoginStep = 'choice' | 'terms' | 'code' | 'key'

/** What a person answered, whichever way they wrote it. */
export type Reply =
  | { readonly kind: 'key-wanted' }
  | { readonly kind: 'subscription-wanted' }
  | { readonly kind: 'agreed' }
  /** May be a code; the sign-in reads it. */
  | { readonly kind: 'code' }
  | { readonly kind: 'key'; readonly key: string }
  /** Nothing that this step waits for. */
  | { readonly kind: 'unclear' }

/** Further spellings of the two ways, for thumbs. */
const KEY_WORDS = ['api key', 'new key', 'key']
const SUBSCRIPTION_WORDS = ['a subscription', 'claude subscription']

/** The shortest key of a proxy whose prefix nobody knows: shorter ones are words. */
const SHORTEST_KEY = 16
/** Longer than any key with the words around it; bounds the patterns below. */
const MAX_LENGTH = 4_096

/** Reads the reply to a step of a sign-in. Pure. */
export function readReply(step: LoginStep, line: string, texts: Texts): Reply {
  const text = withoutInvisible(line.slice(0, MAX_LENGTH)).trim()
  const key = keyIn(text)
  // A key is a key, whatever was asked for: it is used only where the provider accepts it.
  if (key !== null) return { kind: 'key', key }
  const words = plain(text)
  const says = (configured: string, original: string, others: readonly string[] = []) =>
    [plain(configured), plain(original), ...others].includes(words)
  const agrees = says(texts.login_word_agree, DEFAULT_TEXTS.login_word_agree)
  switch (step) {
    case 'choice':
      if (says(texts.login_word_key, DEFAULT_TEXTS.login_word_key, KEY_WORDS)) return { kind: 'key-wanted' }
      return says(texts.login_word_subscription, DEFAULT_TEXTS.login_word_subscription, SUBSCRIPTION_WORDS)
        ? { kind: 'subscription-wanted' }
        : { kind: 'unclear' }
    case 'terms':
      return agrees ? { kind: 'agreed' } : { kind: 'unclear' }
    case 'code':
      // Delivered a second time, or the address is wanted again.
      return agrees ? { kind: 'agreed' } : { kind: 'code' }
    case 'key': {
      const word = trimMarks(text)
      return word.length >= SHORTEST_KEY && !/\s/.test(word)
        ? { kind: 'key', key: word }
        : { kind: 'unclear' }
    }
  }
}

/** The one Anthropic token in `text`, also where it was broken over lines; null = none, or several. */
function keyIn(text: string): string | null {
  const joined = text.replace(/\s+/g, '')
  if (/^sk-ant-[\w-]+$/i.test(joined) && joined.lastIndexOf('sk-ant-') === 0) return joined
  const found = new Set(text.match(/sk-ant-[\w-]{8,}/gi))
  const [only] = found
  return found.size === 1 && only !== undefined ? only : null
}

/** Lower case, one space between words, without the marks around them. */
function plain(text: string): string {
  return trimMarks(text.replace(/\s+/g, ' ').trim()).toLowerCase()
}
