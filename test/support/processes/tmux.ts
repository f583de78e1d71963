import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { until } from '../until.ts'

/** Wide enough that no line of the commands is broken. */
const COLUMNS = 160
const ROWS = 60
/** A start of the command on a busy machine. */
const TIMEOUT_MS = 60_000

const missing = spawnSync('tmux', ['-V']).error !== undefined
if (missing && process.env['CI'] === 'true')
  throw new Error('tmux is not installed, and in CI nothing may be skipped')

/** For `describe.skipIf`. */
export const withoutTmux = missing
/** For the name of what is skipped. */
export const whyWithoutTmux = missing ? ' (skipped: tmux is not installed)' : ''

/** A command in a real terminal, with a person's eyes and keys. */
export class Terminal implements Disposable {
  readonly #socket = `hermes-test-${randomUUID()}`

  /** @param environment the whole environment of the command, except PATH */
  constructor(command: readonly string[], environment: Readonly<Record<string, string>>) {
    const env = Object.entries({ PATH: process.env['PATH'] ?? '', TERM: 'xterm-256color', ...environment })
    const words = ['env', '-i', ...env.map(([name, value]) => `${name}=${value}`), ...command].map(quoted)
    // The shell stays, so that the last screen and the exit code can be read.
    const line = `${words.join(' ')}; echo "[exit $?]"; exec sleep 1000`
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(COLUMNS), '-y', String(ROWS), line)
    this.#tmux('set-option', '-g', 'history-limit', '10000')
  }

  /** Everything that was shown, what has scrolled away included. */
  get screen(): string {
    return this.#tmux('capture-pane', '-p', '-J', '-S', '-')
  }

  /** Resolves when the text is to be seen. @returns the screen */
  async see(text: string | RegExp): Promise<string> {
    let screen = ''
    const there = () => {
      screen = this.screen
      return typeof text === 'string' ? screen.includes(text) : text.test(screen)
    }
    await until(there, `${String(text)} on the screen`, TIMEOUT_MS).catch((error: Error) => {
      throw new Error(`${error.message}:\n${screen}`)
    })
    return screen
  }

  /** Types the text literally, also one that begins with a dash. */
  type(text: string): void {
    this.#tmux('send-keys', '-l', '--', text)
  }

  /** Presses keys by tmux's names, such as Enter, Down, C-c. */
  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys)
  }

  [Symbol.dispose](): void {
    spawnSync('tmux', ['-L', this.#socket, 'kill-server'])
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8' })
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
