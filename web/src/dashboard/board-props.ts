import type { ChatState } from '../chat-state.ts'
import type { View } from '../views.ts'
import type { BoardState } from './board-state.ts'

export interface BoardProps {
  readonly state: ChatState
  readonly board: BoardState
  readonly view: Exclude<View, { name: 'chat' }>
  /** Opens a view by its address. */
  readonly onGo: (path: string) => void
}
