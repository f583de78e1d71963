import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChaosRow } from './row.ts'
import { SignInFixture } from './sign-in-fixture.ts'

/** kill -9 with the answer whole in the temporary file: before its rename, or after. Nothing may be lost. */
export const killedAtRename: ChaosRow = {
  fault: 16,
  title: 'kill -9 between temp file and rename, both files',
  rounds: 100,
  async run(rounds, random) {
    await using fixture = await SignInFixture.create()
    await fixture.signIn()
    const broken: string[] = []
    const left = async (folder: string) =>
      (await readdir(folder)).filter((name) => name.endsWith('.hermes-tmp'))
    for (let round = 1; round <= rounds; round++) {
      const store = round % 2 === 0 ? 'own' : 'claude-code'
      const hangAt = random() < 0.5 ? 'before-rename' : 'after-rename'
      const victim = await fixture.process({ store, hangAt, hangOn: 'credentials.json', backoffMs: 1 })
      victim.send({ do: 'refresh' })
      await victim.next()
      await victim.kill()
      const [folder, file] =
        store === 'own' ? [fixture.home, 'credentials.json'] : [fixture.configDir, '.credentials.json']
      try {
        JSON.parse(await readFile(join(folder, file), 'utf8'))
      } catch {
        broken.push(`round ${round}: ${file} is torn`)
      }
      const next = await fixture.process({ store, backoffMs: 1 })
      await next.ask('open')
      if ((await left(folder)).length > 0) broken.push(`round ${round}: a temporary file stays`)
      await next.ask('read')
      const answer = await next.ask('refresh')
      if (answer['kind'] !== 'renewed')
        broken.push(`round ${round} (${store}, ${hangAt}): ${JSON.stringify(answer)}`)
      await next.kill()
      if (broken.length > 0) break
    }
    const { tokenRequests, replays, invalidGrants } = fixture.sandbox.counts
    return {
      rounds,
      tokenRequests,
      doubles: replays,
      lost: invalidGrants,
      notes: 'own and borrowed in turn',
      broken,
    }
  },
}
