import { useState } from 'preact/hooks'
import type { ChatState } from './chat-state.ts'
import { toneOf } from './dashboard/headline.ts'
import { LoginDialog } from './login-dialog.tsx'
import { NextTry } from './next-try.tsx'
import { useValue } from './observable.ts'

/** One sentence: can messages be answered now? With a button if there is something to do. */
export function StatusBar({ state }: { state: ChatState }) {
  const connection = useValue(state.connection)
  const status = useValue(state.status)
  const [signingIn, setSigningIn] = useState(false)
  const unsent = useValue(state.outbox.entries).filter(({ refusal }) => refusal === null).length
  const { tone, sentence } = describe(connection, status, unsent)
  return (
    <div class={`status ${tone}${status?.ready === false ? ' holding' : ''}`}>
      <span class="dot" aria-hidden="true" />
      <p>
        <span role="status">{sentence}</span> {connection !== 'lost' && <NextTry line={status} />}
      </p>
      {status?.signIn && connection === 'open' && (
        <button type="button" class="fix" onClick={() => setSigningIn(true)}>
          Sign in
        </button>
      )}
      {status?.sandbox && <span class="badge">Sandbox</span>}
      {signingIn && <LoginDialog onClose={() => setSigningIn(false)} />}
    </div>
  )
}

function describe(
  connection: ChatState['connection']['value'],
  status: ChatState['status']['value'],
  unsent: number,
): { tone: 'good' | 'wait' | 'bad'; sentence: string } {
  if (connection === 'lost') {
    const waiting =
      unsent === 0 ? '' : unsent === 1 ? ' 1 message not sent yet.' : ` ${unsent} messages not sent yet.`
    return { tone: 'bad', sentence: `No connection to the gateway. Reconnecting…${waiting}` }
  }
  if (!status) return { tone: 'wait', sentence: 'Connecting…' }
  return { tone: toneOf(status), sentence: status.sentence }
}
