import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SEED } from '../chance.ts'
import type { ProcessCommand, ProcessOptions } from './sign-in-process.ts'

export type Answer = Record<string, unknown>

/** A real process that answers one line of JSON for each line it is given. */
export class LineProcess implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  /** Everything it ever wrote, for the search for secrets. */
  output = ''
  readonly #answers: Answer[] = []
  readonly #waiting: Array<{ resolve: (answer: Answer) => void; reject: (error: Error) => void }> = []

  constructor(
    script: string,
    args: readonly string[],
    largestFile: number | null = null,
    env: Readonly<Record<string, string>> = {},
  ) {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const program = [process.execPath, '--disable-warning=ExperimentalWarning', path, ...args]
    const [command, ...rest] =
      largestFile === null ? program : ['prlimit', `--fsize=${largestFile}:unlimited`, ...program]
    this.child = spawn(command!, rest, {
      env: { ...process.env, HERMES_TEST_SEED: String(SEED), ...env },
    })
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.output += `${line}\n`
      const answer = JSON.parse(line) as Answer
      const waiting = this.#waiting.shift()
      if (waiting) waiting.resolve(answer)
      else this.#answers.push(answer)
    })
    this.child.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`the process ended: ${this.output}`))
    })
    this.child.stderr.on('data', (text: Buffer) => {
      this.output += text.toString()
    })
  }

  /** The next line that it says. Rejects when it ends without one. */
  async next(): Promise<Answer> {
    const ready = this.#answers.shift()
    if (ready) return ready
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  send(command: object): void {
    this.child.stdin.write(`${JSON.stringify(command)}\n`)
  }

  /** From now on it may write as much as it likes. */
  liftLimit(): void {
    execFileSync('prlimit', ['--pid', String(this.child.pid), '--fsize=unlimited:unlimited'])
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** kill -9, and the certainty that it is dead. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const dead = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await dead
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

/** A process with a sign-in store of its own. See `sign-in-process.ts`. */
export class SignInProcess extends LineProcess {
  constructor(
    options: ProcessOptions,
    largestFile: number | null,
    env: Readonly<Record<string, string>> = {},
  ) {
    super('./sign-in-process.ts', [JSON.stringify(options)], largestFile, env)
  }

  /**
   * Starts one and waits until it has read the sign-in.
   *
   * @param largestFile bytes that the kernel lets it write into one file: a disk that takes no more, without root
   */
  static async start(
    options: ProcessOptions,
    largestFile: number | null = null,
    env: Readonly<Record<string, string>> = {},
  ): Promise<SignInProcess> {
    const started = new SignInProcess(options, largestFile, env)
    await started.next()
    return started
  }

  async ask(command: ProcessCommand['do']): Promise<Answer> {
    this.send({ do: command })
    for (;;) {
      const answer = await this.next()
      if (!('warning' in answer)) return answer
    }
  }
}

/** A process that behaves at the credentials file as Claude Code does. See `claude-code-cli.ts`. */
export class ClaudeCodeProcess extends LineProcess {
  static async start(setup: {
    configDir: string
    tokenUrl: string
    old?: boolean
  }): Promise<ClaudeCodeProcess> {
    const started = new ClaudeCodeProcess('../provider/claude-code-cli.ts', [JSON.stringify(setup)])
    await started.next()
    return started
  }

  ask(what: string, more: object = {}): Promise<Answer> {
    this.send({ do: what, ...more })
    return this.next()
  }
}
