import { ClaudeCodeProcess, type Answer, type SignInProcess } from '../../test/support/processes/processes.ts'
import { pause } from '../../test/support/until.ts'
import type { ChaosFigures, ChaosRow } from './row.ts'
import { SignInFixture } from './sign-in-fixture.ts'

const PROCESSES = 5

/** Five gateways on one file: at each expiry all of them want a new token at once. */
export const sharedSignIn: ChaosRow = {
  fault: 13,
  title: '5 processes on one own sign-in',
  rounds: 1_000,
  async run(rounds) {
    await using fixture = await SignInFixture.create()
    await fixture.signIn()
    const processes = await Promise.all(Array.from({ length: PROCESSES }, () => fixture.process()))
    const broken: string[] = []
    try {
      for (let round = 1; round <= rounds; round++) {
        const answers = await Promise.all(processes.map((each) => each.ask('refresh')))
        if (new Set(answers.map(({ access }) => access)).size !== 1)
          broken.push(`round ${round}: not on one token`)
        if (fixture.sandbox.counts.tokenRequests !== round)
          broken.push(`round ${round}: not one request an expiry`)
        if (broken.length > 0) break
      }
    } finally {
      await Promise.all(processes.map((each) => each.kill()))
    }
    return figures(rounds, fixture, broken, `${PROCESSES} processes`)
  },
}

/** The same with Claude Code: it refreshes, holds its locks, rotates in place, or dies and leaves them. */
export const sharedWithClaudeCode: ChaosRow = {
  fault: 13,
  title: '3 processes of two homes and two versions of Claude Code on one file',
  rounds: 300,
  async run(rounds) {
    await using fixture = await SignInFixture.create()
    await fixture.signIn()
    const { configDir, sandbox } = fixture
    const setup = { configDir, tokenUrl: sandbox.tokenUrl }
    // Two of one home, one of another: the latter shares nothing with them but Claude Code's protocol.
    const homes = [fixture.home, fixture.home, await fixture.anotherHome()]
    const ours = await Promise.all(homes.map((home) => fixture.process({ store: 'claude-code', home })))
    const theirs = [
      await ClaudeCodeProcess.start(setup),
      await ClaudeCodeProcess.start({ ...setup, old: true }),
    ]
    const broken: string[] = []
    const kinds: Record<string, number> = {}
    let expected = 0
    try {
      for (let round = 1; round <= rounds; round++) {
        const kind = ['race', 'race', 'hold', 'rotate', 'abandon'][round % 5]!
        kinds[kind] = (kinds[kind] ?? 0) + 1
        if (kind === 'abandon') {
          const dying = await ClaudeCodeProcess.start(setup)
          await dying.ask('abandon', { stamp: 61 })
          await dying.kill()
        }
        if (kind === 'hold') await theirs[round % 2]!.ask('hold')
        if (kind === 'rotate') await theirs[round % 2]!.ask('rotate')
        const asking = Promise.all([
          ...ours.map((each) => renewed(each)),
          ...(kind === 'race' ? theirs.map((each) => each.ask('refresh')) : []),
        ])
        if (kind === 'hold') {
          await pause(50)
          await theirs[round % 2]!.ask('let-go')
        }
        const answers = await asking
        for (const each of theirs) answers.push(await each.ask('current'))
        expected++
        if (new Set(answers.map(({ access }) => access)).size !== 1) {
          broken.push(
            `round ${round} (${kind}): ${JSON.stringify(answers.map((answer) => [answer['kind'], answer['access']]))}`,
          )
        }
        if (sandbox.counts.tokenRequests !== expected)
          broken.push(`round ${round} (${kind}): not one request`)
        if (broken.length > 0) break
      }
    } finally {
      await Promise.all([...ours, ...theirs].map((each) => each.kill()))
    }
    return figures(
      rounds,
      fixture,
      broken,
      Object.entries(kinds)
        .map((each) => each.join(' '))
        .join(', '),
    )
  },
}

/**
 * As the keeper does: a process that was sent away looks again. Two homes that take the
 * same abandoned lock at once can throw one another out; the one thrown out sees it
 * before it sends.
 */
async function renewed(process: SignInProcess): Promise<Answer> {
  for (;;) {
    const answer = await process.ask('refresh')
    if (answer['kind'] !== 'busy') return answer
  }
}

function figures(rounds: number, { sandbox }: SignInFixture, broken: string[], notes: string): ChaosFigures {
  const { tokenRequests, replays, invalidGrants } = sandbox.counts
  return { rounds, tokenRequests, doubles: replays, lost: invalidGrants, notes, broken }
}
