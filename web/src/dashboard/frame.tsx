import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ChatState } from '../chat-state.ts'
import { ThemeButton } from '../chat.tsx'
import { Wing } from '../icons.tsx'
import { StatusBar } from '../status-bar.tsx'
import { TITLES, type ViewName } from '../views.ts'
import type { BoardState, Part } from './board-state.ts'

interface Props {
  readonly state: ChatState
  readonly board: BoardState
  readonly name: ViewName
  /** What this view shows: read now, and anew whenever it changes. */
  readonly parts: readonly Part[]
  readonly children: ComponentChildren
}

/** A view of the dashboard: its title, and on top the same line as above the chat. */
export function Frame({ state, board, name, parts, children }: Props) {
  const main = useRef<HTMLElement>(null)
  useEffect(() => board.use(parts), [board, name])
  // Who came by keyboard or screen reader begins at the top of what has opened.
  useEffect(() => main.current?.focus({ preventScroll: true }), [name])
  return (
    <div class="room">
      <header class={name === 'status' ? 'top board-top' : 'top board-top with-line'}>
        <span class="brand">
          <Wing /> Hermes
        </span>
        {/* Where the view itself says how things stand, it is not said twice. */}
        {name !== 'status' && <StatusBar state={state} />}
        <ThemeButton />
      </header>
      <main ref={main} class="board" tabIndex={-1} aria-labelledby="board-title">
        <div class="board-column">
          <h1 id="board-title" class={name === 'status' ? 'off-screen' : 'board-title'}>
            {TITLES[name]}
          </h1>
          {children}
        </div>
      </main>
    </div>
  )
}
