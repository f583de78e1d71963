import { expect, it } from 'vitest'
import { LineProcess } from '../support/processes/processes.ts'
import { issued, ProfileFixture, says } from '../support/provider/profile-fixture.ts'

const EXPIRIES = 12
/** As long as a server takes; both programs have begun by then. */
const ANSWER_MS = 30

it('one refresh an expiry between a gateway and another program on one profile', async () => {
  const profile = await ProfileFixture.start()
  await profile.signIn()
  // As a server with single-use tokens: one that was spent has ended the sign-in.
  const spent = new Set<string>()
  let replays = 0
  profile.answer = (response) => {
    const [, token] = /"refresh_token":"([^"]+)"/.exec(profile.requests.at(-1)!)!
    if (spent.has(token!)) {
      replays++
      return says(400, { error: 'invalid_grant' })(response)
    }
    spent.add(token!)
    const next = issued(`issued-${profile.requests.length}`)
    setTimeout(() => says(200, next)(response), ANSWER_MS)
  }
  const { file, folder, baseUrl } = profile
  const env = { ANTHROPIC_CONFIG_DIR: folder }
  const start = async (script: string) => {
    const program = new LineProcess(script, [JSON.stringify({ file, baseUrl })], null, env)
    await program.next()
    return program
  }
  await using gateway = await start('../provider/profile-gateway.ts')
  await using other = await start('../provider/profile-program.ts')
  for (let expiry = 1; expiry <= EXPIRIES; expiry++) {
    const answers = await Promise.all(
      [gateway, other].map((program) => {
        program.send({})
        return program.next()
      }),
    )
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['adopted', 'renewed'])
    expect(new Set(answers.map(({ token }) => token)).size).toBe(1)
    expect(profile.requests).toHaveLength(expiry)
  }
  expect(replays).toBe(0)
  expect(await profile.storedToken()).toBe(`sk-ant-oat01-TEST-issued-${EXPIRIES}`)
}, 90_000)
