import type { ChatState } from '../chat-state.ts'
import type { View } from '../views.ts'
import type { BoardState } from './board-state.ts'
import { IncidentsView } from './incidents-view.tsx'
import { QueueView } from './queue-view.tsx'
import { SandboxView } from './sandbox-view.tsx'
import { SignInView } from './sign-in-view.tsx'
import { StatusView } from './status-view.tsx'
import './styles/board.css'
import './styles/status.css'
import './styles/lists.css'

export interface BoardProps {
  readonly state: ChatState
  readonly board: BoardState
  readonly view: Exclude<View, { name: 'chat' }>
  /** Opens a view by its address. */
  readonly onGo: (path: string) => void
}

/** Everything beside the chat. */
export function Board(props: BoardProps) {
  switch (props.view.name) {
    case 'status':
      return <StatusView {...props} />
    case 'queue':
      return <QueueView {...props} />
    case 'incidents':
      return <IncidentsView {...props} />
    case 'sign-in':
      return <SignInView {...props} />
    case 'sandbox':
      return <SandboxView {...props} />
  }
}
