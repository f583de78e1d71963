import { useLayoutEffect, useRef, useState } from 'preact/hooks'

interface ConfirmedProps {
  readonly label: string
  readonly question: string
  readonly onYes: () => void
}

/** A button that asks before it does anything. */
export function Confirmed({ label, question, onYes }: ConfirmedProps) {
  const [asking, setAsking] = useState(false)
  const first = useRef<HTMLButtonElement>(null)
  const yes = useRef<HTMLButtonElement>(null)
  const was = useRef(false)
  // Before anything else can happen: a key that is pressed at once finds the focus.
  useLayoutEffect(() => {
    if (asking) yes.current?.focus()
    else if (was.current) first.current?.focus()
    was.current = asking
  }, [asking])
  if (!asking) {
    return (
      <button ref={first} type="button" class="plain" onClick={() => setAsking(true)}>
        {label}
      </button>
    )
  }
  return (
    <span
      class="asking"
      role="group"
      aria-label={question}
      onKeyDown={(event) => event.key === 'Escape' && setAsking(false)}
    >
      <span>{question}</span>
      <button
        ref={yes}
        type="button"
        class="plain strong"
        onClick={() => {
          setAsking(false)
          onYes()
        }}
      >
        Yes
      </button>
      <button type="button" class="plain" onClick={() => setAsking(false)}>
        No
      </button>
    </span>
  )
}
