import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Storage } from '../../../src/storage/storage.ts'

const ROUNDS = 4
const WRITER = fileURLToPath(new URL('../../support/stores/storage-writer.ts', import.meta.url))

/**
 * Kills a process in the middle of its writes, again and again, and then checks that what was acknowledged is stored.
 *
 * @param place what the writer opens
 * @param open the same store, when the last writer is gone
 */
export async function survivesKills(place: string, open: () => Promise<Storage>): Promise<void> {
  const promised = new Set<string>()
  for (let round = 0; round < ROUNDS; round++) {
    const writer = spawn(process.execPath, [WRITER, place, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exit = once(writer, 'exit')
    const enough = 20 + round * 35
    let lines = 0
    for await (const line of createInterface(writer.stdout)) {
      promised.add(line)
      if (++lines === enough) writer.kill('SIGKILL')
    }
    expect(await exit).toEqual([null, 'SIGKILL'])
    expect(lines).toBeGreaterThanOrEqual(enough)
  }

  const storage = await open()
  try {
    expect(await storage.integrityCheck()).toEqual([])
    const stored: string[] = []
    const conversations = await storage.conversations.list('test', '', 100)
    for (const { conversation } of conversations) {
      const rows = await storage.conversations.messages(conversation.id, { limit: 10_000, beforeSeq: null })
      expect(rows.map((row) => row.seq)).toEqual(rows.map((_, index) => index + 1))
      // An answer and the state of its question are one commit.
      const ids = rows.map((row) => row.id)
      const answeredBy = rows.filter((row) => row.role === 'user' && row.state === 'answered')
      expect(ids).toEqual(expect.arrayContaining(answeredBy.map((row) => row.answeredBy)))
      for (const row of rows) {
        if (row.role === 'user') stored.push(`accepted ${row.text}`)
        else stored.push(`answered ${row.text}`)
      }
    }
    expect(stored).toEqual(expect.arrayContaining([...promised]))
    expect(promised.size).toBeGreaterThan(ROUNDS * 20)
    // The cursor moved with its messages: it is never behind what was promised.
    const cursor = Number(await storage.inbox.cursor('test', `offset-${ROUNDS - 1}`))
    const last = [...promised]
      .filter((line) => line.startsWith(`accepted ${ROUNDS - 1}:`))
      .map((line) => Number(line.split(':')[1]))
    expect(cursor).toBeGreaterThanOrEqual(Math.max(...last))
    // And what was being answered is taken over at once.
    await storage.inbox.recover('after', Date.now())
    expect((await storage.inbox.counts()).answering).toBe(0)
  } finally {
    await storage.close()
  }
}
