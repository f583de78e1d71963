import type { ChatState } from './chat-state.ts'
import { useValue } from './observable.ts'

/** One plain sentence: can messages be answered now? */
export function StatusBar({ state }: { state: ChatState }) {
  const connection = useValue(state.connection)
  const status = useValue(state.status)
  const { tone, sentence } = describe(connection, status)
  return (
    <p class={`status ${tone}`} role="status">
      <span class="dot" aria-hidden="true" />
      <span>{sentence}</span>
      {status?.sandbox && <span class="badge">Sandbox</span>}
    </p>
  )
}

function describe(
  connection: ChatState['connection']['value'],
  status: ChatState['status']['value'],
): { tone: 'good' | 'wait' | 'bad'; sentence: string } {
  if (connection === 'lost')
    return { tone: 'bad', sentence: 'No connection to the gateway. It comes back by itself.' }
  if (!status) return { tone: 'wait', sentence: 'Connecting …' }
  if (!status.ready) return { tone: 'bad', sentence: status.sentence }
  return { tone: 'good', sentence: 'Signed in and ready.' }
}
