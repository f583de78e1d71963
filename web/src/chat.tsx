import { useEffect, useRef } from 'preact/hooks'
import type { ChatState } from './chat-state.ts'
import { Composer, type ComposerHandle } from './composer.tsx'
import { Menu, Moon, Sun } from './icons.tsx'
import { newName } from './new-name.ts'
import { useValue } from './observable.ts'
import { Sidebar } from './sidebar.tsx'
import { StatusBar } from './status-bar.tsx'
import { isDark, theme, toggleTheme } from './theme.ts'
import { ThreadView } from './thread-view.tsx'
import { isBusy } from './thread.ts'

interface Props {
  readonly state: ChatState
  /** False: another view is shown, and its keys are not ours. */
  readonly shown: boolean
  readonly drawer: boolean
  readonly onDrawer: (open: boolean) => void
  readonly onOpen: (conversation: string) => void
}

/** The whole page of a signed-in reader. */
export function Chat({ state, shown, drawer, onDrawer, onOpen }: Props) {
  const thread = useValue(state.thread)
  const status = useValue(state.status)
  const composer = useRef<ComposerHandle>(null)
  const busy = isBusy(thread)

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented || !shown) return
      // Escape closes the dialog and must not stop the answer behind it.
      if (document.querySelector('dialog[open]')) return
      if (drawer) onDrawer(false)
      else if (isBusy(state.thread.value)) void state.stop()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [state, shown, drawer, onDrawer])

  useEffect(() => {
    if (shown) composer.current?.focus()
  }, [thread.id, shown])

  // Closing the drawer returns the focus to its button, unless a conversation was chosen.
  const menu = useRef<HTMLButtonElement>(null)
  const wasOut = useRef(false)
  useEffect(() => {
    const elsewhere = document.activeElement?.closest('.room') ?? null
    if (wasOut.current && !drawer && elsewhere === null) menu.current?.focus()
    wasOut.current = drawer
  }, [drawer])

  return (
    <div class="house" hidden={!shown}>
      <Sidebar
        state={state}
        current={thread.id}
        open={drawer}
        onClose={() => onDrawer(false)}
        onOpen={onOpen}
        onNew={() => onOpen(newName())}
      />
      <div class="room" inert={drawer}>
        <header class="top">
          <h1 class="off-screen">Hermes: conversation</h1>
          <button
            ref={menu}
            type="button"
            class="quiet menu"
            aria-label="Conversations"
            aria-expanded={drawer}
            onClick={() => onDrawer(true)}
          >
            <Menu />
          </button>
          <StatusBar state={state} />
          <ThemeButton />
        </header>
        <ThreadView
          state={state}
          thread={thread}
          sandbox={status?.sandbox ?? false}
          holding={status?.ready === false}
          onSuggestion={(text) => void state.send(text, [])}
        />
        <Composer ref={composer} state={state} conversation={thread.id} busy={busy} />
      </div>
    </div>
  )
}

export function ThemeButton() {
  useValue(theme)
  const dark = isDark()
  return (
    <button
      type="button"
      class="quiet"
      aria-label={dark ? 'Light colours' : 'Dark colours'}
      title={dark ? 'Light colours' : 'Dark colours'}
      onClick={toggleTheme}
    >
      {dark ? <Sun /> : <Moon />}
    </button>
  )
}
