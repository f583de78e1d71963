import type { LiveEvent, LiveParts } from './live-connection.ts'

/** What the live connection needs, from a browser's window or worker. */
export function browserParts(emit: (event: LiveEvent) => void): LiveParts {
  return {
    open: (address) => new EventSource(address) as never,
    isSignedIn: async () => {
      // Unreachable proves nothing about the session.
      const response = await fetch('/api/conversations').catch(() => null)
      return response?.status !== 401
    },
    emit,
    setTimer: (callback, ms) => setTimeout(callback, ms) as unknown as number,
    clearTimer: (timer) => clearTimeout(timer),
    random: () => Math.random(),
    now: () => Date.now(),
  }
}
