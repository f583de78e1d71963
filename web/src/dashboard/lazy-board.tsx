import { useEffect, useState } from 'preact/hooks'
import type { BoardProps } from './board-props.ts'
import type { Board } from './board.tsx'

/** Loads the dashboard when it is first opened: the chat does not wait for plots. */
export function LazyBoard(props: BoardProps) {
  const [loaded, setLoaded] = useState<{ readonly Board: typeof Board } | 'failed' | null>(null)
  useEffect(() => {
    import('./board.tsx').then(
      ({ Board }) => setLoaded({ Board }),
      () => setLoaded('failed'),
    )
  }, [])
  if (loaded === null) return <main class="board-wait" aria-busy="true" />
  if (loaded === 'failed') {
    return (
      <main class="board-wait">
        <p>This part of the page could not be loaded.</p>
        <button type="button" class="primary" onClick={() => location.reload()}>
          Load it again
        </button>
      </main>
    )
  }
  return <loaded.Board {...props} />
}
