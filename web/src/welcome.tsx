import { Wing } from './icons.tsx'

/** What a visitor of the sandbox can try, in the order of a good story. */
const TRIES = [
  ['!help', 'what this stand-in can do'],
  ['!markdown', 'an answer with everything in it'],
  ['!expire', 'the token runs out, and nobody notices'],
  ['!break token-endpoint 60s', 'renewal fails for a minute'],
  ['!revoke', 'the sign-in is gone: messages wait'],
] as const

/** An empty conversation. */
export function Welcome({ sandbox, onTry }: { sandbox: boolean; onTry: (text: string) => void }) {
  return (
    <section class="welcome">
      <span class="mark">
        <Wing />
      </span>
      <h2>What shall I carry?</h2>
      <p>
        Write below. What you send is saved before it is on its way, and answered even if that takes a while.
      </p>
      {sandbox && (
        <div class="tries">
          <p>
            This is the sandbox: a stand-in for Claude on this machine, whose sign-in lasts a minute. Try to
            break it:
          </p>
          <ul>
            {TRIES.map(([text, what]) => (
              <li key={text}>
                <button type="button" onClick={() => onTry(text)}>
                  <code>{text}</code> <span>{what}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  )
}
