import { describe, expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { fingerprint } from '../../src/support/secret.ts'
import { BIN, GatewayProcess } from '../support/processes/gateway-process.ts'
import { configFor, storedSignIns } from '../support/processes/login-command.ts'
import { Terminal, whyWithoutTmux, withoutTmux } from '../support/processes/tmux.ts'

const STORY = { timeout: 180_000 } as const
/** The address as it is shown, which may be longer than a line. */
const ADDRESS = /^http\S+state=[\w-]{43}$/m

async function desk() {
  const sandbox = await startSandbox({ marked: false })
  const gateway = await GatewayProcess.prepare({ config: configFor(sandbox) })
  return {
    sandbox,
    gateway,
    open: (...flags: string[]) =>
      new Terminal([process.execPath, BIN, 'auth', 'login', '--home', gateway.home, ...flags], {
        HOME: gateway.home,
      }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await sandbox.close()
    },
  }
}

describe.skipIf(withoutTmux).concurrent(`hermes auth login on a terminal${whyWithoutTmux}`, () => {
  test(
    'asks for the terms, takes the paste, names the account, and asks before another one replaces it',
    STORY,
    async () => {
      await using place = await desk()
      const { sandbox, gateway } = place
      {
        using terminal = place.open('--headless')
        await terminal.see('Continue with a subscription sign-in?')
        terminal.type('y')
        const url = ADDRESS.exec(await terminal.see(ADDRESS))![0]
        terminal.type(sandbox.authorize(url))
        terminal.press('Enter')
        await terminal.see('[exit 0]')
        expect(terminal.screen).toContain('Signed in as operator@sandbox.example')
      }
      const old = storedSignIns(gateway.home)
      expect(old).toContain('sk-ant-ort')
      const other = { accountId: 'other-TEST', email: 'other@sandbox.example' }
      for (const agreed of [false, true]) {
        using terminal = place.open('--headless', '--yes')
        const url = ADDRESS.exec(await terminal.see(ADDRESS))![0]
        terminal.type(sandbox.authorize(url, other))
        terminal.press('Enter')
        await terminal.see(/another account \(other@sandbox\.example\)[\s\S]*Replace it\?/)
        terminal.type(agreed ? 'y' : 'n')
        await terminal.see(agreed ? '[exit 0]' : '[exit 1]')
        expect(storedSignIns(gateway.home) === old).toBe(!agreed)
      }
    },
  )

  test('without consent, or at Ctrl-C, nothing happens', STORY, async () => {
    await using place = await desk()
    {
      using terminal = place.open('--headless')
      await terminal.see('Continue with a subscription sign-in?')
      terminal.press('Enter')
      await terminal.see('[exit 1]')
      expect(terminal.screen).toContain('nothing was changed')
    }
    using terminal = place.open('--headless', '--yes', '--qr')
    await terminal.see('paste the code')
    expect(terminal.screen).toMatch(/(?:[█▀▄ ]{40,}\n){20}/)
    terminal.press('C-c')
    await terminal.see('[exit 130]')
    expect(storedSignIns(place.gateway.home)).toBeNull()
  })

  test('an API key is not shown while it is typed', STORY, async () => {
    await using place = await desk()
    const key = place.sandbox.apiKey()
    using terminal = place.open('--api-key')
    await terminal.see('API key:')
    terminal.type(key)
    terminal.press('Enter')
    const screen = await terminal.see('[exit 0]')
    expect(screen).toContain(fingerprint(key))
    expect(screen).not.toContain(key)
    expect(storedSignIns(place.gateway.home)).toContain(key)
  })
})
