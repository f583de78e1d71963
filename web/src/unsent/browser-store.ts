import type { UnsentMessage } from './unsent-message.ts'

/** What a browser keeps of one person. */
interface Kept {
  readonly messages: readonly UnsentMessage[]
  /** Conversation → the text in its input. */
  readonly drafts: ReadonlyMap<string, string>
  /** Messages of other people who used this browser at this address. */
  readonly others: number
}

interface StoredDraft {
  readonly principal: string
  readonly conversation: string
  readonly text: string
}

const NAME = 'hermes'
const VERSION = 1
const MESSAGES = 'unsent'
const DRAFTS = 'drafts'
/** Some browsers neither open a database nor refuse to, in private windows. */
const TIMEOUT_MS = 4_000

/**
 * Unsent messages and drafts in IndexedDB, shared by all tabs. Every method resolves when the browser has
 * written it, and rejects where it cannot: without room, in a private window, with storage switched off.
 */
export class BrowserStore {
  #opening: Promise<IDBDatabase> | null = null

  async read(principal: string): Promise<Kept> {
    const [messages, drafts] = await this.#run('readonly', (tx) =>
      Promise.all([
        done<UnsentMessage[]>(tx.objectStore(MESSAGES).getAll()),
        done<StoredDraft[]>(tx.objectStore(DRAFTS).getAll()),
      ]),
    )
    const own = messages.filter((message) => message.principal === principal)
    const ownDrafts = drafts.filter((draft) => draft.principal === principal)
    return {
      messages: own,
      drafts: new Map(ownDrafts.map(({ conversation, text }) => [conversation, text])),
      others: messages.length - own.length,
    }
  }

  /** The message takes the place of its conversation's draft. */
  async add(message: UnsentMessage): Promise<void> {
    await this.#run('readwrite', async (tx) => {
      tx.objectStore(DRAFTS).delete([message.principal, message.conversation])
      await last(tx, tx.objectStore(MESSAGES).put(message))
    })
  }

  /** Changes nothing where another tab has removed the message. */
  async replace(message: UnsentMessage): Promise<void> {
    await this.#run('readwrite', async (tx) => {
      const store = tx.objectStore(MESSAGES)
      if ((await done(store.getKey(message.messageId))) !== undefined) await done(store.put(message))
    })
  }

  async remove(messageId: string): Promise<void> {
    await this.#run('readwrite', (tx) => last(tx, tx.objectStore(MESSAGES).delete(messageId)))
  }

  /** Removes the messages and drafts of everybody but this person. */
  async removeOthers(principal: string): Promise<void> {
    await this.#run('readwrite', async (tx) => {
      for (const name of [MESSAGES, DRAFTS]) {
        const store = tx.objectStore(name)
        const [rows, keys] = await Promise.all([
          done<Array<{ principal: string }>>(store.getAll()),
          done(store.getAllKeys()),
        ])
        for (const [index, row] of rows.entries())
          if (row.principal !== principal) await done(store.delete(keys[index]!))
      }
    })
  }

  /** An empty text removes the draft. */
  async saveDraft(draft: StoredDraft): Promise<void> {
    await this.#run('readwrite', (tx) => {
      const store = tx.objectStore(DRAFTS)
      return draft.text === ''
        ? last(tx, store.delete([draft.principal, draft.conversation]))
        : last(tx, store.put(draft))
    })
  }

  #run<T>(mode: IDBTransactionMode, work: (tx: IDBTransaction) => Promise<T>): Promise<T> {
    return withinTime(
      (async () => {
        this.#opening ??= this.#open()
        const database = await this.#opening.catch((error: unknown) => {
          this.#opening = null
          throw error
        })
        // A message must survive the machine's sudden end, too.
        const tx = database.transaction([MESSAGES, DRAFTS], mode, { durability: 'strict' })
        const committed = new Promise<void>((resolve, reject) => {
          tx.addEventListener('complete', () => resolve())
          tx.addEventListener('abort', () => reject(tx.error ?? new Error('The browser did not store it.')))
        })
        // Both fail together; the first error is the one that is reported.
        const [result] = await Promise.all([work(tx), committed])
        return result
      })(),
    )
  }

  #open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, VERSION)
      request.addEventListener('upgradeneeded', () => {
        request.result.createObjectStore(MESSAGES, { keyPath: 'messageId' })
        request.result.createObjectStore(DRAFTS, { keyPath: ['principal', 'conversation'] })
      })
      request.addEventListener('error', () =>
        reject(request.error ?? new Error('The browser opens no database.')),
      )
      request.addEventListener('success', () => {
        const database = request.result
        const again = (): void => void (this.#opening = null)
        // The person has cleared the page's data.
        database.addEventListener('close', again)
        database.addEventListener('versionchange', () => {
          database.close()
          again()
        })
        resolve(database)
      })
    })
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () =>
      reject(request.error ?? new Error('The browser did not store it.')),
    )
  })
}

/** As `done`, and nothing follows: the browser writes it although the page may be closed in this moment. */
function last<T>(tx: IDBTransaction, request: IDBRequest<T>): Promise<T> {
  tx.commit()
  return done(request)
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer = 0
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('The browser’s storage does not answer.')), TIMEOUT_MS) as never
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
