import { SECOND } from '../../support/clock.ts'

/** Where something is said: a conversation of Slack, or a thread in it. */
export interface Target {
  /** `C…` and `G…` are channels and group chats, `D…` private chats; `U…` and `W…` people, for sending only. */
  readonly channel: string
  /** The `ts` of the message that the thread hangs on; null = not in a thread. */
  readonly thread: string | null
}

const ADDRESS = /^([CDGUW][A-Z0-9]+)(?::(\d+\.\d+))?$/
const MICRO_DIGITS = 6

/** `C123` or `C123:1712.0001`. */
export function formatAddress(channel: string, thread: string | null): string {
  return thread === null ? channel : `${channel}:${thread}`
}

/** Null: not an address of this channel. */
export function parseAddress(address: string): Target | null {
  const match = ADDRESS.exec(address)
  return match ? { channel: match[1]!, thread: match[2] ?? null } : null
}

/** A private chat of one person with the bot. */
export function isPrivate(channel: string): boolean {
  return channel.startsWith('D')
}

/** A person, whose private chat is meant. */
export function isPerson(channel: string): boolean {
  return /^[UW]/.test(channel)
}

/** The order of Slack's time stamps, which name messages within a conversation. */
export function compareTs(a: string, b: string): number {
  const [secondsA = '', restA = ''] = a.split('.')
  const [secondsB = '', restB = ''] = b.split('.')
  return Number(secondsA) - Number(secondsB) || Number(padded(restA)) - Number(padded(restB))
}

/** A moment as a time stamp. @param at epoch milliseconds */
export function tsOf(at: number): string {
  return (at / SECOND).toFixed(MICRO_DIGITS)
}

/** The moment of a time stamp, in epoch milliseconds. */
export function msOf(ts: string): number {
  return Number(ts) * SECOND
}

function padded(fraction: string): string {
  return fraction.padEnd(MICRO_DIGITS, '0')
}
