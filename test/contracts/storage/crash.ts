import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { isLease } from '../../../src/inbox/lease.ts'
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
    const enough = 40 + round * 70
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
    const words = [...promised].filter((line) => !/^(intended|done) /.test(line))
    expect(stored).toEqual(expect.arrayContaining(words))
    expect(promised.size).toBeGreaterThan(ROUNDS * 40)
    // The cursor moved with its messages: it is never behind what was promised.
    const cursor = Number(await storage.inbox.cursor('test', `offset-${ROUNDS - 1}`))
    const last = [...promised]
      .filter((line) => line.startsWith(`accepted ${ROUNDS - 1}:`))
      .map((line) => Number(line.split(':')[1]))
    expect(cursor).toBeGreaterThanOrEqual(Math.max(...last))
    // And what was being answered is taken over at once.
    await storage.inbox.recover('after', Date.now())
    expect((await storage.inbox.counts()).answering).toBe(0)
    // With every step that was promised; of a turn that has ended nothing is expected.
    const steps: string[] = []
    const begun = new Set<string>()
    for (const { conversation } of conversations) {
      const request = { conversationId: conversation.id, owner: 'after', now: Date.now() }
      const lease = await storage.inbox.lease({ ...request, historyLimit: 100, merge: false })
      if (!isLease(lease)) continue
      const { text } = lease.messages[0]!
      begun.add(text)
      for (const { index, calls } of lease.journal.steps) {
        steps.push(`intended ${text} ${index}`)
        if (calls[0]!.result !== null) steps.push(`done ${text} ${index}`)
      }
    }
    const expected = [...promised].filter((line) => {
      return /^(intended|done) /.test(line) && begun.has(line.split(' ')[1]!)
    })
    expect(steps).toEqual(expect.arrayContaining(expected))
    expect(expected.length).toBeGreaterThan(ROUNDS)
  } finally {
    await storage.close()
  }
}
