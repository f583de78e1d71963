import { useEffect, useRef, useState } from 'preact/hooks'
import type { StartedLogin } from '../../src/http/wire.ts'
import { ApiError, confirmLogin, finishLogin, startLogin } from './api.ts'
import { signInWithKey } from './dashboard/board-api.ts'
import { Close } from './icons.tsx'

/**
 * Signing in from the page: an API key, or an account after its terms (open, approve, paste back). The
 * gateway resumes automatically.
 */
export function LoginDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [started, setStarted] = useState<StartedLogin | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  /** How it ended, as a sentence. */
  const [done, setDone] = useState<string | null>(null)
  /** The code was good, but belongs to another account: the gateway's message. */
  const [other, setOther] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true)
    setProblem(null)
    try {
      await work()
    } catch (error) {
      if (error instanceof ApiError && error.code === 'other-account') setOther(error.message)
      else setProblem(error instanceof ApiError ? error.message : 'The gateway is not responding right now.')
    } finally {
      setBusy(false)
    }
  }
  const start = (): Promise<void> => {
    setOther(null)
    return attempt(async () => setStarted(await startLogin()))
  }

  useEffect(() => {
    dialog.current!.showModal()
  }, [])

  const useKey = (event: SubmitEvent): void => {
    event.preventDefault()
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('key') as HTMLInputElement
    const key = field.value
    // Keep the key in the page no longer than necessary.
    field.value = ''
    void attempt(async () => {
      const { fingerprint, note } = await signInWithKey(key)
      setDone(outcome(`The key with the fingerprint ${fingerprint} is accepted`, note))
    })
  }

  const finish = (event: SubmitEvent): void => {
    event.preventDefault()
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('code') as HTMLInputElement
    void attempt(async () => {
      const { account, note } = await finishLogin(started!.session, field.value)
      setDone(outcome(`Signed in as ${account ?? 'your account'}`, note))
    })
  }
  const replace = (): void =>
    void attempt(async () => {
      const { account, note } = await confirmLogin(started!.session)
      setDone(outcome(`Signed in as ${account ?? 'the other account'}`, note))
    })

  return (
    <dialog ref={dialog} class="login" aria-labelledby="login-title" onClose={onClose}>
      <header>
        <h2 id="login-title">Sign in</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current!.close()}>
          <Close />
        </button>
      </header>
      {done !== null ? (
        <>
          <p role="status">{done}</p>
          <button
            type="button"
            class="primary"
            ref={(button) => button?.focus()}
            onClick={() => dialog.current!.close()}
          >
            Back to the chat
          </button>
        </>
      ) : other !== null ? (
        <>
          <p role="alert">{other} Replace the current account?</p>
          <button type="button" class="primary" disabled={busy} onClick={replace}>
            Replace it
          </button>
          <button type="button" class="link" onClick={() => void start()}>
            Start again
          </button>
        </>
      ) : started === null ? (
        <>
          <h3>With an API key</h3>
          <form onSubmit={useKey}>
            <input
              name="key"
              type="password"
              spellcheck={false}
              aria-label="API key"
              placeholder="sk-ant-api…"
              autocomplete="off"
              required
            />
            <button type="submit" class="primary" disabled={busy}>
              Check and use
            </button>
          </form>
          <h3>With a subscription</h3>
          <p class="small">
            Anthropic keeps subscription sign-ins for its own applications and bills other use as extra usage;
            for programs it asks for an API key. You continue at your own risk.
          </p>
          <button type="button" class="primary" disabled={busy} onClick={() => void start()}>
            I understand, continue
          </button>
          {problem && (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
        </>
      ) : (
        <>
          <ol>
            <li>
              <a href={started.authorizeUrl} target="_blank" rel="noopener noreferrer">
                Open the sign-in page
              </a>{' '}
              and approve there.
            </li>
            <li>Copy the code it shows, and paste it here within ten minutes.</li>
          </ol>
          <form onSubmit={finish}>
            <input
              name="code"
              spellcheck={false}
              aria-label="Code from the sign-in page"
              placeholder="code#state"
              autocomplete="off"
              required
            />
            <button type="submit" class="primary" disabled={busy}>
              Sign in
            </button>
          </form>
          {problem && (
            <p class="problem" role="alert">
              {problem}{' '}
              <button type="button" class="link" onClick={() => void start()}>
                Start again
              </button>
            </p>
          )}
        </>
      )}
    </dialog>
  )
}

/** A sign-in that is stored and not in use answers nothing yet. */
function outcome(who: string, note: string | null): string {
  return `${who}. ${note ?? 'Answering your waiting messages now.'}`
}
