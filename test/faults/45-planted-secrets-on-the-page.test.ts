import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'

const KEY = 'sk-ant-api03-TESTcanaryTESTcanaryTESTcanaryTESTcanaryTESTcanary'
const CODE = 'TESTcanaryCodeTESTcanaryCodeTESTcanaryCode#TESTcanaryStateTESTcanaryState'
const PLANTED = [KEY, KEY.slice(-20), CODE.split('#')[0]!, CODE.split('#')[1]!]

test(
  'a key and a code that are given to the page are told nowhere: no answer, log, file or process list',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.start({ args: ['--sandbox'] })
    const home = join(gateway.home, 'sandbox')
    const token = readFileSync(join(home, 'gateway.token'), 'utf8').trim()
    const { origin } = new URL(/http:\S+#ticket/.exec(gateway.stdout)![0])
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answers: string[] = []
    const send = async (path: string, body?: object) => {
      const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
      const response = await fetch(origin + path, init)
      answers.push(JSON.stringify([...response.headers]), await response.text())
      return response.status
    }
    expect(await send('/api/login/api-key', { key: KEY })).toBe(400)
    expect(await send('/api/login/api-key', { key: `${KEY}\u0007` })).toBe(400)
    await send('/api/login/start', {})
    expect(await send('/api/login/finish', { session: 'x', code: CODE })).toBe(400)
    // As a message: it never becomes one.
    await send('/api/conversations/a/messages', { text: CODE })
    await send('/api/sandbox/fault', { target: KEY, fault: KEY })
    for (const path of [
      '/api/status',
      '/api/queue',
      '/api/incidents',
      '/api/figures',
      '/api/credential/timeline',
    ])
      expect(await send(path)).toBe(200)
    expect(await send('/api/sandbox')).toBe(200)
    const places = new Map([
      ['answers', answers.join('\n')],
      ['output', gateway.stdout + gateway.stderr],
      ...['cmdline', 'environ'].map(
        (what) => [what, readFileSync(`/proc/${gateway.pid}/${what}`, 'latin1')] as const,
      ),
      ...readdirSync(home, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'latin1')] as const),
    ])
    expect(places.size).toBeGreaterThan(6)
    for (const [place, text] of places)
      for (const secret of PLANTED) expect([place, text.includes(secret)]).toEqual([place, false])
  },
)
