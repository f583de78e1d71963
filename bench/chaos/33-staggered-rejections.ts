import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createModelClient } from '../../src/anthropic/client.ts'
import { credentialProbe } from '../../src/anthropic/credential-probe.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { assembleCredentials } from '../../src/credentials/assemble.ts'
import { systemClock } from '../../src/support/clock.ts'
import type { ChaosRow } from './row.ts'
import { SignInFixture } from './sign-in-fixture.ts'

const REQUESTS = 200
/** Two hundred of these are two seconds. */
const STEP_MS = 10

/** Two hundred requests whose old token is rejected one after another: one refresh, and every one is answered. */
export const staggeredRejections: ChaosRow = {
  fault: 33,
  title: `${REQUESTS} rejections of one token over 2 s`,
  rounds: 50,
  async run(rounds) {
    await using fixture = await SignInFixture.create()
    const { sandbox, home } = fixture
    await writeFile(
      join(home, 'config.yaml'),
      `model: { base_url: "${sandbox.url}" }\nauth: { oauth: { token_urls: ["${sandbox.tokenUrl}"] } }\n`,
      { mode: 0o600 },
    )
    const processEnv = { HOME: home }
    const request = {
      baseUrl: sandbox.url,
      userAgent: 'hermes-gateway/chaos',
      headers: {},
      clock: systemClock,
    }
    const settings = await loadSettings({ home, processEnv })
    const parts = await assembleCredentials({
      settings,
      processEnv,
      probe: credentialProbe(request),
      profile: null,
    })
    await fixture.signIn(parts.own)
    await parts.start()
    const model = createModelClient({
      ...request,
      door: parts.keeper,
      health: { succeeded() {}, usageLimited() {}, unavailable() {}, misconfigured() {} },
      model: 'claude-sonnet-5-5',
      log: { warn() {} },
    })
    const ask = (text: string) =>
      model.answer(
        {
          model: 'claude-sonnet-5-5',
          maxTokens: 100,
          system: null,
          messages: [{ role: 'user', text, attachments: [] }],
        },
        { signal: new AbortController().signal, onText: () => {} },
      )
    const broken: string[] = []
    let answered = 0
    for (let round = 1; round <= rounds && broken.length === 0; round++) {
      await ask('is the token good?')
      const { fingerprint } = parts.keeper.snapshot()
      const fault = sandbox.control.fault({
        target: 'messages',
        fault: 'revoked-401',
        delayStepMs: STEP_MS,
        ...(fingerprint === null ? {} : { fingerprint }),
      })
      const results = await Promise.allSettled(
        Array.from({ length: REQUESTS }, (_, index) => ask(`message ${index}`)),
      )
      fault.clear()
      const failed = results.filter(({ status }) => status === 'rejected').length
      answered += REQUESTS - failed
      if (failed > 0) broken.push(`round ${round}: ${failed} requests failed`)
      if (sandbox.counts.tokenRequests !== round) broken.push(`round ${round}: not one token request`)
    }
    await parts.keeper.stop()
    const { tokenRequests, replays, invalidGrants } = sandbox.counts
    return {
      rounds,
      tokenRequests,
      doubles: replays,
      lost: invalidGrants,
      notes: `${answered} requests answered`,
      broken,
    }
  },
}
