import { Socket } from 'node:net'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/**
 * One line from a terminal or a pipe, however slowly it comes. What stands before the end
 * of the input is a line, too; Ctrl-C ends the process as it does everywhere.
 *
 * @param signal lets the input go, so that it keeps no process alive
 * @returns null when the input ended, or was let go, without a line
 */
export async function readLine(prompt: string, signal?: AbortSignal): Promise<string | null> {
  const terminal = createInterface({
    input: process.stdin,
    ...(process.stdin.isTTY ? { output: process.stdout } : {}),
    terminal: process.stdin.isTTY === true,
  })
  const letGo = () => terminal.close()
  signal?.addEventListener('abort', letGo)
  try {
    return await ask(terminal, prompt)
  } finally {
    signal?.removeEventListener('abort', letGo)
    // A script may keep its end of the pipe open: what it could still write must not keep us here.
    if (process.stdin instanceof Socket) process.stdin.unref()
  }
}

/** As `readLine`, without showing what is typed. For a terminal. */
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
