/**
 * Another program on an Anthropic profile, which shares no code with the gateway: told on stdin to
 * refresh, it does so under the lock directory next to the credentials file, unless the file
 * holds a newer token by then. Answers one line of JSON each.
 */
import { mkdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { pause } from '../until.ts'

interface Stored {
  readonly access_token: string
  readonly refresh_token: string
}

const RETRY_MS = 5
const { file, baseUrl } = JSON.parse(process.argv[2]!) as { file: string; baseUrl: string }
const load = async () => JSON.parse(await readFile(file, 'utf8')) as Stored
const say = (answer: unknown) => process.stdout.write(`${JSON.stringify(answer)}\n`)
let believed = (await load()).access_token
say({ ready: true })

for await (const _line of createInterface({ input: process.stdin })) {
  const lock = `${file}.lock`
  while (
    !(await mkdir(lock).then(
      () => true,
      () => false,
    ))
  )
    await pause(RETRY_MS)
  try {
    say(await refresh())
  } catch (error) {
    say({ kind: 'failed', message: String(error) })
  } finally {
    await rmdir(lock)
  }
}

async function refresh(): Promise<unknown> {
  const stored = await load()
  const kind = stored.access_token === believed ? 'renewed' : 'adopted'
  if (kind === 'renewed') {
    const response = await fetch(`${baseUrl}/v1/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ grant_type: 'refresh_token', refresh_token: stored.refresh_token }),
    })
    if (!response.ok) throw new Error(`the token endpoint answered ${response.status}`)
    const { expires_in: life, ...pair } = (await response.json()) as Record<string, unknown>
    const expires_at = Math.floor(Date.now() / 1_000) + Number(life)
    await writeFile(`${file}.new`, JSON.stringify({ ...stored, ...pair, expires_at }), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  believed = (await load()).access_token
  return { kind, token: believed }
}
