import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const PROCESS = fileURLToPath(new URL('../support/steps/turn-process.ts', import.meta.url))
const UNKNOWN = 'The gateway stopped while this ran. Its outcome is unknown: check before repeating it.'
const ANSWER = 'sent "One moment.\\n\\nAll done."'

/** @returns the signal that ended it; null = it came to its end */
async function runProcess(home: string, killAt: number): Promise<unknown> {
  const args = [PROCESS, join(home, 'hermes.db'), join(home, 'log'), String(killAt)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  expect([0, null]).toContain(code)
  return signal
}

/** Two lives of one turn, the first of which ends at a point. */
async function twoLives(killAt: number) {
  const home = await mkdtemp(join(tmpdir(), 'hermes-steps-'))
  try {
    const signal = await runProcess(home, killAt)
    const first = (await readFile(join(home, 'log'), 'utf8')).trim().split('\n')
    if (signal !== null) await runProcess(home, 0)
    const all = (await readFile(join(home, 'log'), 'utf8')).trim().split('\n')
    return { isKilled: signal === 'SIGKILL', at: first.at(-1)!, all }
  } finally {
    await rm(home, { recursive: true })
  }
}

test('killed at each point of its steps, a turn continues: nothing is asked or done twice, and there is one answer', async () => {
  const points: string[] = []
  for (let killAt = 1; ; killAt++) {
    const { isKilled, at, all } = await twoLives(killAt)
    const count = (line: string) => all.filter((other) => other === line).length
    const begun = ['effect-1', 'effect-2', 'read', 'note'].map((id) => count(`begun ${id}`))
    const [first = 0, second = 0, ...again] = begun
    const asked = [0, 1, 2].reduce((sum, step) => sum + count(`asked ${step}`), 0)
    const told = all.find((line) => line.startsWith('told '))!
    // Asked again is only what was not stored: the response at whose asking or storing the first process ended.
    const isLostAnswer = isKilled && /^asked|^before a step|^before the end/.test(at)
    // Of an effect that had begun and has no result the model is told that nobody knows, and the next one is not run.
    const isUnknown = /^(begun|done) effect/.test(at) || (at === 'before a result' && second === 0)
    expect({
      at,
      sent: all.filter((line) => line.startsWith('sent ')),
      asked,
      effectsRanTwice: first > 1 || second > 1,
      othersRan: again.every((times) => times === 1 || times === 2),
      isToldOfUnknown: !isUnknown || told.includes(UNKNOWN),
    }).toEqual({
      at,
      sent: [ANSWER],
      asked: isLostAnswer ? 4 : 3,
      effectsRanTwice: false,
      othersRan: true,
      isToldOfUnknown: true,
    })
    if (!isKilled) break
    points.push(at)
  }
  for (const what of [
    'asked 0',
    'before a step',
    'after a step',
    'begun effect-1',
    'done effect-1',
    'before a result',
  ])
    expect(points).toContain(what)
  expect(points).toEqual(
    expect.arrayContaining(['after a result', 'begun note', 'before the end', 'after the end']),
  )
}, 600_000)
