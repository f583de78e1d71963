import type { BoardProps } from './board-props.ts'
import { CostsView } from './costs/costs-view.tsx'
import { IncidentsView } from './incidents-view.tsx'
import { QueueView } from './queue-view.tsx'
import { SandboxView } from './sandbox-view.tsx'
import { SignInView } from './sign-in-view.tsx'
import { StatusView } from './status-view.tsx'
import './styles/board.css'
import './styles/status.css'
import './styles/lists.css'
import './styles/costs.css'

/** All views except the chat. */
export function Board(props: BoardProps) {
  switch (props.view.name) {
    case 'status':
      return <StatusView {...props} />
    case 'queue':
      return <QueueView {...props} />
    case 'incidents':
      return <IncidentsView {...props} />
    case 'costs':
      return <CostsView {...props} />
    case 'sign-in':
      return <SignInView {...props} />
    case 'sandbox':
      return <SandboxView {...props} />
  }
}
