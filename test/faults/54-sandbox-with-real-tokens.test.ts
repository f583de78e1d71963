import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import '../support/processes/no-gateway-left.ts'
import { TelegramServer } from '../support/platforms/telegram/telegram-server.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { pause } from '../support/until.ts'

/** The other ends of a process's TCP connections, as the kernel lists them. @see proc_pid_net(5) */
function remoteAddresses(pid: number): Set<string> {
  const own = new Set<string>()
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1]
      if (inode) own.add(inode)
    } catch {
      // Closed since the folder was listed.
    }
  }
  const found = new Set<string>()
  for (const table of ['tcp', 'tcp6', 'udp', 'udp6']) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (own.has(fields[9] ?? '')) found.add(fields[2]!.split(':')[0]!)
    }
  }
  return found
}

/** 127.0.0.1 and "nobody yet", as the kernel writes them. */
const HARMLESS = ['0100007F', '00000000']

test.runIf(process.platform === 'linux')(
  'the sandbox talks to nobody but itself, whatever tokens and channels the environment names',
  PROCESS_TEST,
  async () => {
    await using telegram = await TelegramServer.start()
    const asked: string[] = []
    await using proxy = createServer((socket) => {
      asked.push('a connection')
      socket.destroy()
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const trap = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const secrets = {
      ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-canary-key',
      ANTHROPIC_TOKEN: 'sk-ant-oat01-TEST-canary-token',
      TELEGRAM_BOT_TOKEN: TelegramServer.token,
    }
    await using gateway = await GatewayProcess.start({
      args: ['--sandbox'],
      config: { channels: { telegram: { api_root: telegram.apiRoot } }, model: { base_url: trap } },
      env: { ...secrets, TELEGRAM_ALLOWED_USERS: '*' },
      processEnv: { ...secrets, ANTHROPIC_BASE_URL: trap, HTTPS_PROXY: trap },
    })
    expect(gateway.stdout).toContain('nothing leaves this machine')
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(gateway.stdout)![0]
    const authorization = `Bearer ${readFileSync(`${gateway.home}/sandbox/gateway.token`, 'utf8').trim()}`
    const seen = new Set<string>()
    const conversation = `${address}/api/conversations/a/messages`
    const sent = await fetch(conversation, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'hello' }),
    })
    expect(sent.status).toBe(202)
    let items: Array<{ role: string }> = []
    for (let round = 0; round < 200 && !items.some(({ role }) => role === 'assistant'); round++) {
      for (const remote of remoteAddresses(gateway.pid)) seen.add(remote)
      const answer = await fetch(conversation, { headers: { authorization } })
      items = ((await answer.json()) as { items: Array<{ role: string }> }).items
      await pause(50)
    }
    expect(items.map(({ role }) => role)).toEqual(['user', 'assistant'])
    expect(seen.has('0100007F')).toBe(true)
    expect(
      [...seen].filter((remote) => !HARMLESS.includes(remote) && !/^0+$|^0*FFFF00000100007F$/.test(remote)),
    ).toEqual([])
    expect(asked).toEqual([])
    expect(telegram.calls).toEqual([])
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  },
)

test('a production gateway refuses a token of the sandbox', PROCESS_TEST, async () => {
  const sandbox = await startSandbox()
  try {
    for (const name of ['ANTHROPIC_API_KEY', 'ANTHROPIC_TOKEN']) {
      const token = name === 'ANTHROPIC_API_KEY' ? sandbox.apiKey() : sandbox.setupToken()
      await using gateway = await GatewayProcess.prepare({
        config: { model: { base_url: sandbox.url } },
        env: { [name]: token },
      })
      gateway.spawn()
      const { code } = await gateway.ended
      expect(gateway.stderr).toContain('is a token of the sandbox')
      expect(gateway.stderr).not.toContain(token)
      expect(code).toBe(78)
    }
    expect(sandbox.counts.messageRequests).toBe(0)
  } finally {
    await sandbox.close()
  }
})
