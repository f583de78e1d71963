import { useEffect, useMemo, useState } from 'preact/hooks'
import type { ConversationEntry } from '../../src/http/wire.ts'
import { ChatState } from './chat-state.ts'
import { Chat } from './chat.tsx'
import { BoardState } from './dashboard/board-state.ts'
import { LazyBoard } from './dashboard/lazy-board.tsx'
import { Wing } from './icons.tsx'
import { newName } from './new-name.ts'
import { useValue } from './observable.ts'
import { Rail } from './rail.tsx'
import type { Session } from './session.ts'
import type { Unsent } from './unsent/open-unsent.ts'
import { TITLES, viewOf } from './views.ts'

export function App({ session }: { session: Session }) {
  if (session.kind === 'signed-in')
    return <House conversations={session.conversations} unsent={session.unsent} />
  return <Door kind={session.kind} />
}

/** The page of a reader who is signed in: the address names the view, and the conversation. */
function House({ conversations, unsent }: { conversations: readonly ConversationEntry[]; unsent: Unsent }) {
  const state = useMemo(() => {
    const first = conversations[0]?.id ?? newName()
    const named = viewOf(location.pathname)
    if (named.name === 'chat' && named.conversation === null) history.replaceState(null, '', addressOf(first))
    return new ChatState((named.name === 'chat' && named.conversation) || first, unsent, conversations)
  }, [])
  const board = useMemo(() => new BoardState(state), [state])
  const connection = useValue(state.connection)
  const status = useValue(state.status)
  const thread = useValue(state.thread)
  const [view, setView] = useState(() => viewOf(location.pathname))
  const [drawer, setDrawer] = useState(false)

  useEffect(() => {
    const onBack = (): void => {
      const next = viewOf(location.pathname)
      if (next.name === 'chat' && next.conversation !== null) state.open(next.conversation)
      setView(next)
    }
    addEventListener('popstate', onBack)
    return () => removeEventListener('popstate', onBack)
  }, [state])
  useEffect(() => {
    document.title = view.name === 'chat' ? 'Hermes' : `${TITLES[view.name]} · Hermes`
  }, [view.name])

  if (connection === 'signed-out') return <Door kind="signed-out" />
  const open = (id: string): void => {
    setDrawer(false)
    if (id === state.thread.value.id) return
    history.pushState(null, '', addressOf(id))
    state.open(id)
  }
  const go = (path: string): void => {
    if (path !== location.pathname) history.pushState(null, '', path)
    setView(viewOf(path))
  }
  return (
    <div class="shell">
      <Rail
        current={view.name}
        status={status}
        lost={connection === 'lost'}
        conversation={thread.id}
        onGo={go}
      />
      <Chat state={state} shown={view.name === 'chat'} drawer={drawer} onDrawer={setDrawer} onOpen={open} />
      {view.name !== 'chat' && <LazyBoard state={state} board={board} view={view} onGo={go} />}
    </div>
  )
}

const DOOR = {
  'no-ticket': ['You need a sign-in link', 'The gateway prints one when it starts.'],
  'ticket-over': ['This link has expired', 'Each link works once, within ten minutes.'],
  'signed-out': ['This browser is signed out', 'Nothing is lost; sign in again with a new link.'],
  unreachable: ['The gateway is not responding', 'It may be starting. Reload the page to try again.'],
} as const

function Door({ kind }: { kind: keyof typeof DOOR }) {
  const [title, detail] = DOOR[kind]
  return (
    <main class="door">
      <div class="door-card">
        <span class="mark">
          <Wing />
        </span>
        <h1>{title}</h1>
        <p>{detail}</p>
        {kind === 'unreachable' ? (
          <button type="button" class="primary" onClick={() => location.reload()}>
            Try again
          </button>
        ) : (
          <p>
            On the machine where the gateway runs, <code>hermes dashboard</code> prints a new link. From a
            checkout: <code>npm run -s hermes -- dashboard</code>
          </p>
        )}
      </div>
    </main>
  )
}

function addressOf(conversation: string): string {
  return `/c/${conversation}`
}
