import { postMessage, upload } from '../api.ts'
import { BrowserStore } from './browser-store.ts'
import { Drafts } from './drafts.ts'
import { Outbox } from './outbox.ts'

/** What this browser keeps for one person: messages to be sent, and drafts. */
export interface Unsent {
  readonly outbox: Outbox
  readonly drafts: Drafts
  /** Called when the gateway no longer knows this browser. */
  onSignedOut: () => void
}

const CHANNEL = 'hermes-unsent'

/** Opens what the browser keeps; where it keeps nothing, the same in memory. Never rejects. */
export async function openUnsent(principal: string): Promise<Unsent> {
  const store = new BrowserStore()
  const kept = await store.read(principal).catch(() => null)
  const tabs = new BroadcastChannel(CHANNEL)
  const outbox = new Outbox({
    principal,
    store,
    upload: ({ conversation }, { name, content }) => upload(conversation, name, content, principal),
    async post({ conversation, text, messageId }, attachments) {
      const receipt = await postMessage(conversation, { text, messageId, attachments }, principal)
      // Anybody may answer 200 in place of the gateway, such as a hotel's sign-in page.
      if (typeof receipt?.state !== 'string') throw new TypeError('This was no answer of the gateway.')
    },
    // Without locks (plain HTTP from another machine) tabs may send the same: the gateway keeps it once.
    lock: (name, work) => (navigator.locks ? navigator.locks.request(name, work) : work()),
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no other origin
    announce: () => tabs.postMessage(null),
    onSignedOut: () => unsent.onSignedOut(),
    setTimer: (callback, ms) => setTimeout(callback, ms) as unknown as number,
    clearTimer: (timer) => clearTimeout(timer),
    now: () => Date.now(),
  })
  const drafts = new Drafts(principal, store, kept?.drafts ?? new Map())
  const unsent: Unsent = { outbox, drafts, onSignedOut: () => {} }
  // Also takes over from a tab that was closed while it was sending.
  tabs.addEventListener('message', () => void outbox.resume())
  addEventListener('online', () => void outbox.resume())
  addEventListener('pagehide', () => drafts.flush())
  document.addEventListener('visibilitychange', () => document.hidden && drafts.flush())
  addEventListener('beforeunload', (event) => {
    const lost = outbox.entries.value.some(({ notKept }) => notKept === 'full' || notKept === 'forbidden')
    if (lost) event.preventDefault()
  })
  void outbox.resume()
  return unsent
}
