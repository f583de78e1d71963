import { createInterface } from 'node:readline/promises'
import type {
  DeltaEvent,
  EventName,
  MessageEvent,
  MessagePage,
  MessageReceipt,
  PostMessage,
} from '../http/wire.ts'
import { newId } from '../support/ids.ts'
import type { GatewayApi } from './client/gateway-api.ts'
import { readEvents } from './client/read-events.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { requireApi } from './context.ts'
import { paint, print, printError, printPiece } from './terminal/output.ts'

interface ChatOptions extends GlobalOptions {
  /** Empty: read from a pipe or the terminal. */
  readonly text: string
  readonly conversation: string
}

export async function chatCommand(options: ChatOptions): Promise<ExitCode> {
  const api = await requireApi(options)
  if (!api) return EXIT.failed
  const chat = new Chat(api, options.conversation)
  const text = options.text || (process.stdin.isTTY ? '' : await readPipe())
  if (text !== '') return (await chat.ask(text)) ? EXIT.ok : EXIT.failed
  if (!process.stdin.isTTY) {
    printError('no message: pass TEXT, or pipe it in.')
    return EXIT.usage
  }
  return converse(chat)
}

/** A conversation until Ctrl-D, or Ctrl-C at the prompt; Ctrl-C during an answer stops the answer. */
async function converse(chat: Chat): Promise<ExitCode> {
  print(paint('dim', 'Enter sends, /help lists the commands, Ctrl-C stops an answer, Ctrl-D exits.'))
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  let closed = false
  terminal.on('close', () => (closed = true))
  terminal.on('SIGINT', () => {
    if (chat.busy) void chat.stop()
    else terminal.close()
  })
  while (!closed) {
    const line = await Promise.race([
      terminal.question(paint('bold', '› ')),
      new Promise<null>((resolve) => terminal.once('close', () => resolve(null))),
    ])
    if (line === null) break
    if (line.trim() !== '') await chat.ask(line)
  }
  print()
  return EXIT.ok
}

class Chat {
  readonly #api: GatewayApi
  readonly #path: string
  #stopping: AbortController | null = null

  constructor(api: GatewayApi, conversation: string) {
    this.#api = api
    this.#path = `/api/conversations/${encodeURIComponent(conversation)}`
  }

  get busy(): boolean {
    return this.#stopping !== null
  }

  /** Sends `text` and prints the answer as it arrives. False: the message was refused. */
  async ask(text: string): Promise<boolean> {
    const stopping = (this.#stopping = new AbortController())
    try {
      // Subscribe before sending, so that no part of the answer is missed.
      const { revision } = await this.#api.call<MessagePage>('GET', `${this.#path}/messages?limit=1`)
      const events = await readEvents(this.#api, `${this.#path}/events?after=${revision}`, stopping.signal)
      const sent = await this.#api.call<MessageReceipt>('POST', `${this.#path}/messages`, {
        text,
        messageId: newId(Date.now()),
      } satisfies PostMessage)
      return await this.#follow(events, sent.id, sent.state === 'answered')
    } catch (error) {
      if (stopping.signal.aborted) return true
      throw error
    } finally {
      stopping.abort()
      this.#stopping = null
    }
  }

  async stop(): Promise<void> {
    await this.#api.call('POST', `${this.#path}/stop`).catch(() => undefined)
  }

  /** @param messageId null: the gateway did not keep the message, and says why in a notice */
  async #follow(
    events: AsyncIterable<{ event: string; data: string }>,
    messageId: string | null,
    command: boolean,
  ): Promise<boolean> {
    let shown = ''
    let accepted = messageId === null
    for await (const { event, data } of events) {
      switch (event as EventName) {
        case 'delta': {
          if (!accepted) break
          const { offset, text } = JSON.parse(data) as DeltaEvent
          // A restarted answer starts on a new line: what was printed cannot be erased.
          if (offset === 0 && shown !== '') print()
          if (offset === 0) shown = ''
          const fresh = text.slice(Math.max(0, shown.length - offset))
          printPiece(fresh)
          shown += fresh
          break
        }
        case 'notice': {
          if (!accepted) break
          print(paint('yellow', (JSON.parse(data) as MessageEvent).text))
          if (messageId === null) return false
          // Most commands are answered immediately, by a notice.
          if (command) return true
          break
        }
        case 'message':
        case 'state': {
          const { id, role, state, text } = JSON.parse(data) as MessageEvent
          if (id === messageId) {
            accepted = true
            if (state === 'refused' || state === 'parked') return false
            if (state === 'withdrawn') return true
          } else if (role === 'assistant' && accepted) {
            printPiece(`${text.startsWith(shown) ? text.slice(shown.length) : `\n${text}`}\n`)
            return true
          }
          break
        }
        default:
      }
    }
    throw new Error(
      'the gateway closed the connection. The message is saved and will be answered in this conversation',
    )
  }
}

async function readPipe(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) text += chunk
  return text.trim()
}
