import { useId, useRef, useState } from 'preact/hooks'
import type { SignedIn, StartedLogin } from '../../../src/http/wire.ts'
import { ApiError, confirmLogin, finishLogin, startLogin } from '../api.ts'
import { signInWithKey } from './board-api.ts'

/** The outcome shown, in addition to the gateway's message. */
interface Told {
  readonly good: boolean
  readonly text: string
}

/** The error, followed by what to do next. */
function explain(error: unknown, again: string): string {
  if (!(error instanceof ApiError)) return 'The gateway is not responding right now. Nothing was changed.'
  if (error.status === 413) return 'That is too long. Nothing was changed.'
  return `${error.message}${error.temporary ? '' : again === '' ? '' : ` ${again}`}`
}

function done(who: string, note: string | null | undefined): Told {
  if (note) return { good: false, text: `${who}. ${note}` }
  return { good: true, text: `${who}. Answering your waiting messages now.` }
}

/** An API key: checked with the provider, stored by the gateway, and never shown again. */
export function KeyForm({ onDone }: { onDone: () => void }) {
  const [told, setTold] = useState<Told | null>(null)
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const id = useId()
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const key = field.current!.value
    // Keep the key in the page no longer than necessary.
    field.current!.value = ''
    setBusy(true)
    setTold(null)
    try {
      const { fingerprint, note } = await signInWithKey(key)
      setTold(done(`The key with the fingerprint ${fingerprint} is accepted`, note))
      onDone()
    } catch (error) {
      setTold({ good: false, text: explain(error, '') })
    } finally {
      setBusy(false)
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label for={id}>API key</label>
      <div class="entry">
        <input
          ref={field}
          id={id}
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="sk-ant-api…"
          required
        />
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Checking…' : 'Check and use'}
        </button>
      </div>
      <Outcome told={told} />
    </form>
  )
}

/** Open, approve, paste back. */
export function AccountForm({ onDone }: { onDone: () => void }) {
  const [started, setStarted] = useState<StartedLogin | null>(null)
  const [told, setTold] = useState<Told | null>(null)
  const [other, setOther] = useState(false)
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const id = useId()

  const attempt = async (work: () => Promise<Told | null>): Promise<void> => {
    setBusy(true)
    setTold(null)
    try {
      setTold(await work())
    } catch (error) {
      const conflict = error instanceof ApiError && error.code === 'other-account'
      setOther(conflict)
      setTold({
        good: false,
        text: explain(error, conflict ? 'Replace the current account?' : 'Nothing was changed.'),
      })
    } finally {
      setBusy(false)
    }
  }
  const begin = (): Promise<void> => {
    setOther(false)
    return attempt(async () => {
      setStarted(await startLogin())
      return null
    })
  }
  const finished = ({ account, note }: SignedIn): Told => {
    setStarted(null)
    setOther(false)
    onDone()
    return done(`Signed in as ${account ?? 'an account without a name'}`, note)
  }
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    const code = field.current!.value
    field.current!.value = ''
    void attempt(async () => finished(await finishLogin(started!.session, code)))
  }

  if (!started) {
    return (
      <div>
        <button type="button" class="primary" disabled={busy} onClick={() => void begin()}>
          I understand, continue
        </button>
        <Outcome told={told} />
      </div>
    )
  }
  return (
    <form onSubmit={submit}>
      <ol class="steps">
        <li>
          <a href={started.authorizeUrl} target="_blank" rel="noopener noreferrer">
            Open the sign-in page
          </a>{' '}
          on any device, and approve there.
        </li>
        <li>Copy the code it shows (or the final address), and paste it here within ten minutes.</li>
      </ol>
      <label for={id}>Code from the page</label>
      <div class="entry">
        <input ref={field} id={id} spellcheck={false} autocomplete="off" placeholder="code#state" required />
        <button type="submit" class="primary" disabled={busy}>
          Sign in
        </button>
      </div>
      <Outcome told={told} />
      <p class="form-more">
        {other && (
          <button
            type="button"
            class="plain strong"
            disabled={busy}
            onClick={() => void attempt(async () => finished(await confirmLogin(started.session)))}
          >
            Replace it
          </button>
        )}
        <button type="button" class="link" onClick={() => void begin()}>
          Start again
        </button>
      </p>
    </form>
  )
}

/** Errors are announced at once, success politely. */
function Outcome({ told }: { told: Told | null }) {
  return (
    <>
      <p class="outcome good" role="status">
        {told?.good ? told.text : ''}
      </p>
      <p class="outcome bad" role="alert">
        {told && !told.good ? told.text : ''}
      </p>
    </>
  )
}
