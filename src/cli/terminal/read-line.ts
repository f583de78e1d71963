import { Socket } from 'node:net'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/**
 * Reads one line from a terminal or a pipe, however slowly it arrives. Text without a final newline
 * counts as a line. Ctrl-C ends the process.
 *
 * @param signal closes the input, so that it does not keep the process alive
 * @returns null if the input ended, or was closed, without a line
 */
export async function readLine(prompt: string, signal?: AbortSignal): Promise<string | null> {
  const terminal = createInterface({
    input: process.stdin,
    ...(process.stdin.isTTY ? { output: process.stdout } : {}),
    terminal: process.stdin.isTTY === true,
  })
  const close = () => terminal.close()
  signal?.addEventListener('abort', close)
  try {
    return await ask(terminal, prompt)
  } finally {
    signal?.removeEventListener('abort', close)
    // A script may keep its end of the pipe open; that must not keep this process alive.
    if (process.stdin instanceof Socket) process.stdin.unref()
  }
}

/** As `readLine`, for a terminal, without echoing what is typed. */
export async function readHidden(prompt: string): Promise<string> {
  process.stdout.write(prompt)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const line = await ask(createInterface({ input: process.stdin, output: silent, terminal: true }), '')
  process.stdout.write('\n')
  return line ?? ''
}

function ask(terminal: ReturnType<typeof createInterface>, prompt: string): Promise<string | null> {
  return new Promise((resolve) => {
    terminal.on('SIGINT', () => {
      terminal.close()
      process.kill(process.pid, 'SIGINT')
    })
    terminal.once('line', (line) => {
      resolve(line)
      terminal.close()
    })
    terminal.once('close', () => resolve(null))
    terminal.setPrompt(prompt)
    if (prompt !== '') terminal.prompt()
  })
}
