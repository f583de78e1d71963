import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { filesOf, leaks } from '../support/canary-search.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { post } from '../support/web/http-gateway.ts'

test(
  'a paste with a wrong state, none, from another client or a second time is refused, and changes nothing',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.start({ args: ['--sandbox'] })
    const printed = new URL(/http:\S+#ticket=\S+/.exec(gateway.stdout)![0])
    const { origin } = printed
    const opened = await fetch(
      `${origin}/api/session`,
      post({ ticket: printed.hash.slice('#ticket='.length) }),
    )
    const cookie = opened.headers.get('set-cookie')!.split(';')[0]!
    const page = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json', cookie, origin }
      const response = await fetch(origin + path, { method: 'POST', headers, body: JSON.stringify(body) })
      return { status: response.status, body: (await response.json()) as Record<string, string> }
    }
    const inUse = async () => {
      const response = await fetch(`${origin}/api/status`, { headers: { cookie, origin } })
      return ((await response.json()) as { credential: { fingerprint: string } }).credential.fingerprint
    }
    const present = await inUse()
    const { authorizeUrl, session } = (await page('/api/login/start', {})).body as Record<string, string>
    const provider = new URL(authorizeUrl!).origin
    const issued = async () => {
      const counts = (await (await fetch(`${provider}/sandbox/state`)).json()) as {
        counts: { tokenRequests: number }
      }
      return counts.counts.tokenRequests
    }
    const approved = await fetch(`${provider}/sandbox/approve`, post({ authorizeUrl }))
    const { paste } = (await approved.json()) as { paste: string }
    const [code] = paste.split('#')
    const before = await issued()

    // One fewer than end the sign-in.
    for (const wrong of [`${code}#wrong-state`, code!, '', 'https://evil.example/?code=a&state=b'])
      expect([wrong, (await page('/api/login/finish', { session, code: wrong })).status]).toEqual([
        wrong,
        400,
      ])
    // Next to the dialog, half of it is no message either, and an ordinary one is.
    for (const text of [code!, 'and how are you?'])
      expect((await page('/api/conversations/web:main/messages', { text })).status).toBe(202)

    // Nobody else than the browser that began it can finish it.
    const headers = { authorization: `Bearer ${tokenOf(gateway)}` }
    const other = await fetch(`${origin}/api/login/finish`, { ...post({ session, code: paste }), headers })
    expect(other.status).toBe(400)
    expect(await issued()).toBe(before)
    expect(await inUse()).toBe(present)

    const again = (await page('/api/login/start', {})).body as Record<string, string>
    const second = await fetch(`${provider}/sandbox/approve`, post({ authorizeUrl: again['authorizeUrl'] }))
    const { paste: good } = (await second.json()) as { paste: string }
    // The code of the sign-in before belongs to nothing any more.
    expect((await page('/api/login/finish', { session, code: paste })).status).toBe(400)
    expect((await page('/api/login/finish', { session: again['session'], code: good })).status).toBe(200)
    expect((await page('/api/login/finish', { session: again['session'], code: good })).status).toBe(400)
    await gateway.kill('SIGKILL')
    const stored = filesOf(gateway.home)
    expect(leaks(stored, [...paste.split('#'), ...good.split('#')])).toEqual([])
    expect(stored.some(({ bytes }) => bytes.includes('and how are you?'))).toBe(true)
  },
)

function tokenOf(gateway: GatewayProcess): string {
  return readFileSync(join(gateway.home, 'sandbox', 'gateway.token'), 'utf8').trim()
}
