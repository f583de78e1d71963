/** The gateway's own code on an Anthropic profile, in a process of its own: refreshes for each line on stdin. */
import { createInterface } from 'node:readline'
import { profileAccess } from '../../../src/anthropic/profile.ts'
import { systemClock } from '../../../src/support/clock.ts'

const { baseUrl } = JSON.parse(process.argv[2]!) as { baseUrl: string }
const userAgent = 'hermes-gateway/0.0.0-test'
const access = profileAccess({
  baseUrl,
  usesProfileAddress: true,
  userAgent,
  profile: null,
  clock: systemClock,
})
const say = (answer: unknown) => process.stdout.write(`${JSON.stringify(answer)}\n`)
let held = (await access.find())!.stored!.accessToken
say({ ready: true })

for await (const _line of createInterface({ input: process.stdin })) {
  for (;;) {
    const outcome = await access.refresh(held, new AbortController().signal)
    // As the keeper does: it asks again.
    if (outcome.kind === 'busy') continue
    if ('generation' in outcome) held = outcome.generation.accessToken
    say({ kind: outcome.kind, token: held.reveal() })
    break
  }
}
