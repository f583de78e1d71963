import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { configFor, LoginCommand, storedSignIns } from '../support/processes/login-command.ts'
import { until } from '../support/until.ts'

const STORY = { timeout: 120_000 } as const

/** A machine with a screen: what is opened on it is written to a file. */
async function machineWithScreen(environment: Readonly<Record<string, string>> = { DISPLAY: ':99' }) {
  const sandbox = await startSandbox({ marked: false })
  const folder = mkdtempSync(join(tmpdir(), 'hermes-screen-'))
  const opened = join(folder, 'opened')
  writeFileSync(
    join(folder, 'xdg-open'),
    `#!/bin/sh\nprintf '%s' "$1" > '${opened}.new' && mv '${opened}.new' '${opened}'\n`,
  )
  chmodSync(join(folder, 'xdg-open'), 0o755)
  const PATH = `${folder}${delimiter}${process.env['PATH']}`
  const gateway = await GatewayProcess.prepare({
    config: configFor(sandbox),
    processEnv: { ...environment, PATH },
  })
  const read = () => {
    try {
      return readFileSync(opened, 'utf8')
    } catch {
      return null
    }
  }
  return {
    sandbox,
    gateway,
    /** What the argument of the program contains, for everybody on the machine to read. */
    argument: () => until(read, 'the browser', 60_000),
    /** The page that the browser comes to. */
    async opened(): Promise<string> {
      const answer = await fetch(await this.argument(), { redirect: 'manual' })
      return answer.headers.get('location')!
    },
    neverOpened: () => read() === null,
    /** The person decides on the page. @returns what the page says at the end, after the way back */
    async decide(url: string, decision: 'approve' | 'deny'): Promise<{ status: number; text: string }> {
      const body = new URL(url).searchParams
      body.set('decision', decision)
      const answer = await fetch(sandbox.authorizeUrl, { method: 'POST', body })
      return { status: answer.status, text: await answer.text() }
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await sandbox.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

describe.concurrent('hermes auth login where there is a browser', () => {
  test('the code comes back automatically, and nothing foreign can end the wait', STORY, async () => {
    await using machine = await machineWithScreen()
    const { gateway, sandbox } = machine
    // The input stays open, as that of a terminal does.
    const login = new LoginCommand(gateway, ['--yes'])
    const url = await machine.opened()
    expect(url).toBe(await login.url())
    const back = new URL(url).searchParams.get('redirect_uri')!
    expect(back).toMatch(/^http:\/\/localhost:\d+\/callback$/)
    for (const foreign of [
      '',
      '?code=TESTcode&state=wrong',
      '?error=access_denied',
      '?error=access_denied&state=x',
    ]) {
      expect((await fetch(back + foreign)).status).toBe(400)
    }
    expect((await fetch(new URL('/favicon.ico', back))).status).toBe(404)
    expect(sandbox.counts.tokenRequests).toBe(0)
    const page = await machine.decide(url, 'approve')
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining('close this page') })
    expect(await login.ended).toMatchObject({ code: 0, stderr: '' })
    expect(login.stdout).toContain('Signed in as operator@sandbox.example')
    expect(storedSignIns(gateway.home)).toContain('sk-ant-ort')
    // Nobody listens any more.
    await expect(fetch(back)).rejects.toThrow('fetch failed')
  })

  test(
    'no other user of the machine can finish the sign-in with what the process list shows',
    STORY,
    async () => {
      await using machine = await machineWithScreen()
      const login = new LoginCommand(machine.gateway, ['--yes'])
      const argument = await machine.argument()
      const url = new URL(await login.url())
      for (const part of [url.searchParams.get('state')!, url.searchParams.get('code_challenge')!])
        expect(argument).not.toContain(part)
      expect((await fetch(new URL('/start/', argument))).status).toBe(404)
      // Somebody was first: the browser of the person is told, and nothing that comes back counts.
      const stolen = await machine.opened()
      expect((await fetch(argument, { redirect: 'manual' })).status).toBe(410)
      expect((await machine.decide(stolen, 'approve')).status).toBe(400)
      expect(machine.sandbox.counts.tokenRequests).toBe(0)
      expect((await login.line(machine.sandbox.authorize(url.href))).code).toBe(0)
    },
  )

  test('the paste is still possible', STORY, async () => {
    await using machine = await machineWithScreen()
    const login = new LoginCommand(machine.gateway, ['--yes'])
    expect(await login.line(machine.sandbox.authorize(await login.url()))).toMatchObject({
      code: 0,
      stderr: '',
    })
  })

  test('without any input, the browser alone is enough; a refusal there is one sentence', STORY, async () => {
    await using machine = await machineWithScreen()
    const login = new LoginCommand(machine.gateway, ['--yes'])
    const ended = login.end()
    await machine.decide(await machine.opened(), 'deny')
    const { code, stderr } = await ended
    expect([code, stderr]).toEqual([1, 'hermes: The sign-in was declined on the page. Start it again.\n'])
    expect(storedSignIns(machine.gateway.home)).toBeNull()
  })

  test('over SSH nothing is opened: the code is pasted', STORY, async () => {
    await using machine = await machineWithScreen({
      DISPLAY: 'localhost:10.0',
      SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22',
    })
    const login = new LoginCommand(machine.gateway, ['--yes'])
    const url = await login.url()
    expect(new URL(url).searchParams.get('redirect_uri')).toBe(machine.sandbox.redirectUri)
    expect((await login.line(machine.sandbox.authorize(url))).code).toBe(0)
    expect(machine.neverOpened()).toBe(true)
  })
})
