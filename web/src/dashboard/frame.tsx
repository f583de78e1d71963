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
  /** The parts that this view shows: read now, and again whenever they change. */
  readonly parts: readonly Part[]
  readonly children: ComponentChildren
}

/** A view of the dashboard: its title, and the same status bar as the chat. */
export function Frame({ state, board, name, parts, children }: Props) {
  const main = useRef<HTMLElement>(null)
  useEffect(() => board.use(parts), [board, name])
  // Keyboard and screen reader users start at the top of the new view.
  useEffect(() => main.current?.focus({ preventScroll: true }), [name])
  return (
    <div class="room">
      <header class={name === 'status' ? 'top board-top' : 'top board-top with-line'}>
        <span class="brand">
          <Wing /> Hermes
        </span>
        {/* The status view has the sentence already. */}
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
