import type { Link } from '../../../inbox/about.ts'

/** The link behind words; null: the words are the address already, or there is none. */
export function linkBehind(words: string, address: unknown): Link | null {
  if (typeof address !== 'string' || address === '') return null
  const shown = words.trim()
  const bare = address.replace(/^[a-z][a-z0-9+.-]{0,20}:(?:\/\/)?/i, '')
  if ([address, bare].some((form) => shown === form || `${shown}/` === form)) return null
  return { words: shown === '' ? address : shown, address }
}

/** Quoted words with the address behind them. */
export function withAddress(words: string, address: unknown): string {
  const link = linkBehind(words, address)
  if (link === null) return words
  return words.trim() === '' ? link.address : `[${words}](${link.address})`
}
