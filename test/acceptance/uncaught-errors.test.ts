import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const ADA = 501
const SECRET = 'sk-ant-oat01-TEST-thrown-aaaaaaaaaaaaaaaaaaaaaaaaaaaa'

/** A bug somewhere in the process, at a moment of our choice. */
const BUG = `
process.on('SIGUSR2', () => {
  setImmediate(() => { throw new TypeError('a bug in an event, with ${SECRET}') })
  Promise.reject(new Error('a promise of nobody, with ${SECRET}'))
})
// A connection that nobody closes keeps the process alive.
if (process.env.TEST_LEAK) setInterval(() => {}, 1_000_000)
`

const folder = mkdtempSync(join(tmpdir(), 'hermes-'))
writeFileSync(join(folder, 'bug.mjs'), BUG)
afterAll(() => rmSync(folder, { recursive: true }))

const withBug = (more: Readonly<Record<string, string>> = {}) => ({
  processEnv: { NODE_OPTIONS: `--import=${pathToFileURL(join(folder, 'bug.mjs'))}`, ...more },
})

test.concurrent(
  'an error that nobody caught is logged without its secrets, and the current answer is returned to the queue',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ ...withBug(), sandbox: { answer: { delayMs: 120_000 } } })
    fixture.telegram.say(ADA, 'a question')
    await fixture.until(() => fixture.asked('a question').length === 1, 'the question')
    expect(await fixture.gateway.kill('SIGUSR2')).toEqual({ code: 1, signal: null })
    const { stderr, stdout } = fixture.gateway
    expect(stderr).toContain('a bug in an event')
    expect(stderr).toContain('a promise of nobody')
    expect(stderr).toContain('"level":"fatal"')
    expect(stderr + stdout).not.toContain(SECRET)
    expect((await fixture.stored()).map(({ state }) => state)).not.toContain('answering')
    fixture.sandbox.control.answer({ delayMs: 0 })
    await fixture.gateway.start()
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the answer')
    expect(fixture.shown(ADA)).toEqual(['Echo: a question'])
  },
)

test.concurrent('SIGTERM ends a process that something keeps alive', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start(withBug({ TEST_LEAK: '1' }))
  const asked = performance.now()
  expect(await fixture.gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  expect(performance.now() - asked).toBeLessThan(10_000)
  expect(fixture.gateway.stderr).toContain('still running after 2 s')
})
