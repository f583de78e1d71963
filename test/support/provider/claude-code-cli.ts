/**
 * Plays Claude Code at its credentials file: the locks, the re-reading, the request
 * and the write, in a program that shares no code with the gateway. Told on
 * stdin what to do, one JSON object a line; answers one line each.
 *
 * `refresh`: as the program does when its token is about to end. `old`: true = an
 * older version, which knows only the second lock. `hold`: takes the locks and keeps
 * them until `let-go`. `abandon`: dies with the locks in place. `rotate`: refreshes
 * and writes in place, in two halves, as old versions do. `stamp`: the age of the
 * locks it holds, in seconds, for stale ones.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, realpath, rename, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { seededRandom } from '../chance.ts'
import { pause } from '../until.ts'

interface Setup {
  configDir: string
  tokenUrl: string
  old?: boolean
}
interface Order {
  do: 'refresh' | 'hold' | 'let-go' | 'abandon' | 'rotate' | 'current'
  stamp?: number
}
interface Stored {
  accessToken: string
  refreshToken: string
  expiresAt: number
  [more: string]: unknown
}
type Document = { claudeAiOauth: Stored; [key: string]: unknown }

const { configDir, tokenUrl, old } = JSON.parse(process.argv[2]!) as Setup
const file = `${configDir}/.credentials.json`
const first = `${configDir}/.oauth_refresh.lock`
const second = `${await realpath(configDir)}.lock`
const wanted = old ? [second] : [first, second]
const staleAfter = old ? 10_000 : 60_000
const random = seededRandom('Claude Code')
const held: string[] = []
let believed = (await load()).claudeAiOauth
let touching: NodeJS.Timeout | undefined

const say = (answer: unknown) => process.stdout.write(`${JSON.stringify(answer)}\n`)
const print = (token: string) => createHash('sha256').update(token).digest('hex').slice(0, 8)
say({ ready: true, access: print(believed.accessToken) })

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  try {
    say(await obey(order))
  } catch (error) {
    say({ kind: 'failed', message: (error as Error).message })
  }
}

async function obey({ do: what, stamp }: Order): Promise<unknown> {
  switch (what) {
    case 'refresh':
      return underLocks(refresh)
    case 'rotate':
      return underLocks(async () => {
        const spent = (await load()).claudeAiOauth.refreshToken
        const text = JSON.stringify(merge(await load(), await request(spent)))
        await writeFile(file, text.slice(0, text.length / 2))
        await pause(30)
        await writeFile(file, text)
        believed = (await load()).claudeAiOauth
        return { kind: 'rotated', access: print(believed.accessToken) }
      })
    case 'hold':
    case 'abandon':
      await takeAll()
      if (stamp !== undefined) {
        clearInterval(touching)
        const then = new Date(Date.now() - stamp * 1_000)
        for (const lock of held) await utimes(lock, then, then)
      }
      if (what === 'hold') return { kind: 'holding' }
      say({ kind: 'abandoning' })
      return process.exit(0)
    case 'let-go':
      await releaseAll()
      return { kind: 'let-go' }
    case 'current':
      believed = (await load()).claudeAiOauth
      return { kind: 'current', access: print(believed.accessToken), expiresAt: believed.expiresAt }
  }
}

async function underLocks(work: () => Promise<unknown>): Promise<unknown> {
  await takeAll()
  try {
    return await work()
  } finally {
    await releaseAll()
  }
}

async function refresh(): Promise<unknown> {
  const stored = (await load()).claudeAiOauth
  if (stored.accessToken !== believed.accessToken) {
    believed = stored
    return { kind: 'adopted', access: print(stored.accessToken) }
  }
  const spent = stored.refreshToken
  const answer = await request(spent)
  const storage = `${configDir}/.storage-write.lock`
  while (!(await tryMake(storage))) await pause(10)
  try {
    const document = await load()
    if (document.claudeAiOauth.refreshToken !== spent) return { kind: 'superseded' }
    const temporary = `${file}.cli-${process.pid}`
    const handle = await open(temporary, 'w', 0o600)
    await handle.writeFile(JSON.stringify(merge(document, answer)))
    await handle.sync()
    await handle.close()
    await rename(temporary, file)
  } finally {
    await rmdir(storage)
  }
  believed = (await load()).claudeAiOauth
  return { kind: 'renewed', access: print(believed.accessToken) }
}

async function request(refreshToken: string): Promise<Record<string, unknown>> {
  const response = await fetch(tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: '9d1c250a-e61b-44d9-88ed-5944d1962f5e',
    }),
  })
  if (response.status !== 200) throw new Error(`the token endpoint answered ${response.status}`)
  return (await response.json()) as Record<string, unknown>
}

function merge(document: Document, answer: Record<string, unknown>): Document {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: life } = answer
  return {
    ...document,
    claudeAiOauth: {
      ...document.claudeAiOauth,
      accessToken: String(accessToken),
      refreshToken: String(refreshToken),
      expiresAt: Date.now() + Number(life) * 1_000,
    },
  }
}

async function takeAll(): Promise<void> {
  for (const path of wanted) {
    const giveUpAt = Date.now() + 20_000
    while (!(await tryMake(path))) {
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      )
      if (age > staleAfter) await rmdir(path).catch(() => {})
      if (Date.now() > giveUpAt) throw new Error(`lock ${path} cannot be had`)
      await pause(5 + random() * 20)
    }
    held.push(path)
  }
  touching = setInterval(() => {
    const now = new Date()
    for (const path of held) void utimes(path, now, now).catch(() => {})
  }, 1_000)
}

async function releaseAll(): Promise<void> {
  clearInterval(touching)
  for (const path of held.splice(0).toReversed()) await rmdir(path).catch(() => {})
}

async function tryMake(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch {
    return false
  }
}

async function load(): Promise<Document> {
  for (let attempt = 0; ; attempt++) {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as Document
    } catch (error) {
      if (attempt === 10) throw error
      await pause(30)
    }
  }
}
