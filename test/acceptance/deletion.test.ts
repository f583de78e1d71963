import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { filesOf, leaks } from '../support/canary-search.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { BIN } from '../support/processes/gateway-process.ts'
import { Terminal, whyWithoutTmux, withoutTmux } from '../support/processes/tmux.ts'

const ADA = 501
const GRACE = 502
/** A whole word of the person's, and long enough that half of it is no accident. */
const CANARY = 'forgetmenot-of-ada-lovelace'
const KEPT = 'remembered-of-grace-hopper'
/** Of different lengths, so that rows move when their state changes and pages are divided. */
const LENGTHS = [1, 40, 3, 200, 7, 90, 2, 500, 11, 60, 5, 300]
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

test('what is deleted of a person is in no file of the home any more', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({
    env: { TELEGRAM_ALLOWED_USERS: `${ADA},${GRACE}` },
  })
  const { gateway, telegram } = fixture
  const hermes = (args: readonly string[]) => gateway.run(args)
  for (const [index, length] of LENGTHS.entries()) {
    telegram.say(ADA, `${index} ${`${CANARY} `.repeat(length)}`.slice(0, 4_000))
    telegram.say(GRACE, `${index} ${`${KEPT} `.repeat(length)}`.slice(0, 4_000))
    const answered = (person: number) =>
      fixture.shown(person).some((text) => text.startsWith(`Echo: ${index} `))
    await fixture.until(() => answered(ADA) && answered(GRACE), `answer ${index}`)
  }
  const upload = await fetch(`${gateway.url}/api/conversations/main/attachments?name=${CANARY}.png`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.token}` },
    body: Buffer.concat([PNG, Buffer.from(CANARY)]),
  })
  expect(upload.status).toBe(201)
  const copy = join(gateway.home, 'hermes.db.backup-v1')
  writeFileSync(copy, 'of an older version', { mode: 0o600 })
  expect(leaks(filesOf(gateway.home), [CANARY])).not.toEqual([])

  const deleted = await hermes(['data', 'delete', 'telegram', String(ADA), '--yes'])
  expect(deleted.code).toBe(0)
  expect(deleted.stdout).toContain(copy)
  expect((await hermes(['data', 'delete', 'web', 'owner', '--yes'])).code).toBe(0)
  expect(leaks(filesOf(gateway.home), [CANARY])).toEqual([])
  expect(leaks(filesOf(gateway.home), [KEPT])).not.toEqual([])
  telegram.say(GRACE, 'still there?')
  await fixture.until(() => fixture.shown(GRACE).includes('Echo: still there?'), 'the answer')
})

test.skipIf(withoutTmux)(
  `older copies that hold what was deleted are removed if the operator says so${whyWithoutTmux}`,
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ env: { TELEGRAM_ALLOWED_USERS: `${ADA}` } })
    const { gateway, telegram } = fixture
    telegram.say(ADA, CANARY)
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the answer')
    const copies = ['hermes.db.backup-v1', 'hermes.db.copied'].map((name) => join(gateway.home, name))
    for (const copy of copies) expect((await gateway.run(['backup', copy])).code).toBe(0)
    using terminal = new Terminal(
      [process.execPath, BIN, 'data', 'delete', 'telegram', String(ADA), '--home', gateway.home],
      { HOME: gateway.home },
    )
    await terminal.see('This cannot be undone')
    terminal.type('y')
    const screen = await terminal.see('Remove these copies?')
    for (const copy of copies) expect(screen).toContain(copy)
    expect(leaks(filesOf(gateway.home), [CANARY])).not.toEqual([])
    terminal.type('y')
    await terminal.see('[exit 0]')
    expect(leaks(filesOf(gateway.home), [CANARY])).toEqual([])
  },
)
