import { Wing } from './icons.tsx'

/** Suggestions in the sandbox, in the order to try them. */
const SUGGESTIONS = [
  ['!help', 'list all commands'],
  ['!markdown', 'an answer with every kind of formatting'],
  ['!expire', 'expire the token; the gateway renews it without a hitch'],
  ['!break token-endpoint 60s', 'token refresh fails for a minute'],
  ['!revoke', 'end the sign-in: messages are held until you sign in'],
] as const

/** An empty conversation. */
export function Welcome({
  sandbox,
  onSuggestion,
}: {
  sandbox: boolean
  onSuggestion: (text: string) => void
}) {
  return (
    <section class="welcome">
      <span class="mark">
        <Wing />
      </span>
      <h2>What can I help with?</h2>
      <p>Every message is saved the moment you send it, so nothing is lost if Claude is unavailable.</p>
      {sandbox && (
        <div class="tries">
          <p>
            This is the sandbox: a simulator of Claude on this machine, whose tokens last a minute. Try to
            break it:
          </p>
          <ul>
            {SUGGESTIONS.map(([text, what]) => (
              <li key={text}>
                <button type="button" onClick={() => onSuggestion(text)}>
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
