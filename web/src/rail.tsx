import type { StatusLine } from '../../src/http/wire.ts'
import { toneOf } from './dashboard/headline.ts'
import { Bars, Bell, Chat, Flask, Key, Pulse, Stack } from './rail-icons.tsx'
import { TITLES, type ViewName } from './views.ts'

interface Props {
  readonly current: ViewName
  readonly status: StatusLine | null
  /** The gateway does not respond: what it said last may be over. */
  readonly lost: boolean
  /** The conversation that the chat returns to. */
  readonly conversation: string
  readonly onGo: (path: string) => void
}

const ICONS = {
  chat: Chat,
  status: Pulse,
  queue: Stack,
  incidents: Bell,
  costs: Bars,
  'sign-in': Key,
  sandbox: Flask,
}

/** The navigation: a rail on a wide screen, a bar at the bottom of a phone. */
export function Rail({ current, status, lost, conversation, onGo }: Props) {
  const names = (Object.keys(ICONS) as ViewName[]).filter((name) => name !== 'sandbox' || status?.sandbox)
  const waiting = (status?.waiting ?? 0) + (status?.parked ?? 0)
  const follow = (event: MouseEvent, path: string): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    onGo(path)
  }
  return (
    <nav class="rail" aria-label="Views">
      {names.map((name) => {
        const Icon = ICONS[name]
        const path = name === 'chat' ? `/c/${conversation}` : `/${name}`
        return (
          <a
            key={name}
            href={path}
            aria-current={name === current ? 'page' : undefined}
            onClick={(event) => follow(event, path)}
          >
            <span class="rail-icon">
              <Icon />
              {name === 'status' && status && <span class={`rail-dot ${lost ? 'bad' : toneOf(status)}`} />}
              {name === 'queue' && waiting > 0 && (
                <span class="rail-count">
                  {waiting > 99 ? '99+' : waiting}
                  <span class="off-screen"> waiting</span>
                </span>
              )}
            </span>
            {TITLES[name]}
          </a>
        )
      })}
    </nav>
  )
}
