import { useEffect, useState } from 'preact/hooks'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** The page speaks English; times are in the reader's own zone. */
const LANGUAGE = 'en-GB'

/** `2 h 14 min`: the two largest units, rounded down. */
export function duration(ms: number): string {
  const left = Math.max(0, ms)
  if (left < MINUTE) return `${Math.floor(left / SECOND)} s`
  if (left < HOUR) return both(left, MINUTE, 'min', SECOND, 's', left < 10 * MINUTE)
  if (left < DAY) return both(left, HOUR, 'h', MINUTE, 'min', true)
  return both(left, DAY, left < 2 * DAY ? 'day' : 'days', HOUR, 'h', left < 10 * DAY)
}

function both(
  ms: number,
  large: number,
  name: string,
  small: number,
  smallName: string,
  fine: boolean,
): string {
  const rest = Math.floor((ms % large) / small)
  const first = `${Math.floor(ms / large)} ${name}`
  return fine && rest > 0 ? `${first} ${rest} ${smallName}` : first
}

/** A time to an answer, as short as an axis needs it: `340 ms`, `2.5 s`, `3 min`. */
export function seconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1_000)} ms`
  if (value < 10) return `${Number(value.toFixed(1))} s`
  return duration(value * SECOND)
}

export function day(at: string | number): string {
  return new Date(at).toLocaleDateString(LANGUAGE, { day: 'numeric', month: 'long' })
}

export function time(at: string | number): string {
  return new Date(at).toLocaleTimeString(LANGUAGE, { hour: '2-digit', minute: '2-digit' })
}

export function exactTime(at: string | number): string {
  return new Date(at).toLocaleTimeString(LANGUAGE, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
}

/** `12:40` today, `19 Nov, 12:40` on another day. */
export function moment(at: string | number, now = Date.now()): string {
  const date = new Date(at)
  if (date.toDateString() === new Date(now).toDateString()) return time(at)
  return `${date.toLocaleDateString(LANGUAGE, { day: 'numeric', month: 'short' })}, ${time(at)}`
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number === 1 ? 'one' : number.toLocaleString(LANGUAGE)} ${number === 1 ? one : many}`
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The current time, updated while the component is shown. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
