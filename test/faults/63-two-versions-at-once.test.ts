import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { NEXT_VERSION, OtherVersion, THIS_VERSION } from '../support/processes/other-version.ts'
import { Load } from '../support/stores/database-trouble.ts'
import { freshDatabase } from '../support/stores/postgres.ts'

/**
 * The most that a version may do to a database that the previous version keeps using: every table has one
 * more column, there is another table, and the queue's own tables are of a later version.
 */
const STEP = `
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname = 'hermes' AND tablename <> 'migrations'
  LOOP
    EXECUTE 'ALTER TABLE ' || each.name || $sql$ ADD COLUMN later text NOT NULL DEFAULT 'later'$sql$;
  END LOOP;
END $$;
CREATE TABLE hermes.later (key bigint PRIMARY KEY);
ALTER TABLE hermes_boss.job ADD COLUMN later text;
UPDATE hermes_boss.version SET version = version + 1;
`

test(
  'a fleet is brought to the next version under load: old and new work side by side, and the old ones start again',
  PROCESS_TEST,
  async () => {
    using next = await OtherVersion.with(NEXT_VERSION, {
      name: 'later',
      oldestProgram: THIS_VERSION,
      sql: STEP,
    })
    await using fixture = await FleetFixture.open({
      databaseUrl: await freshDatabase(),
      sandbox: { answer: { delayMs: 50 } },
    })
    const first = await fixture.join()
    const second = await fixture.join()
    await fixture.untilHeld()
    const load = new Load(fixture)
    await load.answered(2)

    const newer = await fixture.join('all', next.bin)
    const versions = async () => {
      // On a busy machine none may answer at once.
      const answered = () => fixture.status().catch(() => null)
      const { fleet } = await fixture.eventually(answered, 'a gateway to answer')
      return fleet.map(({ version }) => version).toSorted()
    }
    expect(newer.stderr).toContain('later')
    expect(await versions()).toEqual([THIS_VERSION, THIS_VERSION, NEXT_VERSION])
    await load.answered(2)

    expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    await load.answered(1)
    await first.start()
    await fixture.eventually(async () => (await versions()).length === 3, 'the old one to be back')
    await load.answered(1)

    for (const old of [first, second]) {
      expect(await old.kill('SIGTERM')).toEqual({ code: 0, signal: null })
      await load.answered(1)
    }
    expect(await versions()).toEqual([NEXT_VERSION])
    expect(await load.end()).toEqual([])
    expect(await newer.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    for (const { stderr } of [first, second, newer]) expect(stderr).not.toContain('"level":"error"')
  },
)

test(
  'a program that is too old for the database does not start, and says which one it needs',
  PROCESS_TEST,
  async () => {
    using before = OtherVersion.named('0.0.9')
    await using fixture = await FleetFixture.open({ databaseUrl: await freshDatabase() })
    await fixture.join()
    const old = await fixture.prepare('all', before.bin)
    old.spawn()
    expect(await old.ended).toEqual({ code: 78, signal: null })
    expect(old.stderr).toContain(
      `the database was migrated by a newer hermes (it needs at least ${THIS_VERSION}, this program is 0.0.9)`,
    )
  },
)
