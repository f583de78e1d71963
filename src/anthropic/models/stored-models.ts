import { writeFileAtomically } from '../../support/files/atomic-file.ts'
import { isObject, parseObject, readPrivateFile } from '../../support/files/private-file.ts'

/** The list as the provider gave it, for a start without it. */
export interface StoredModels {
  /** Epoch milliseconds. */
  readonly fetchedAt: number
  readonly items: readonly unknown[]
}

/** The list that `baseUrl` gave earlier; null = there is none, or it is another provider's. Never throws. */
export async function readStoredModels(path: string, baseUrl: string): Promise<StoredModels | null> {
  const file = await readPrivateFile(path)
  const parsed = file.kind === 'text' ? parseObject(file.text) : null
  if (parsed?.kind !== 'object' || !isObject(parsed.value)) return null
  const { base_url: from, fetched_at: fetchedAt, data } = parsed.value
  if (from !== baseUrl || !Array.isArray(data) || !Number.isSafeInteger(fetchedAt)) return null
  return { fetchedAt: fetchedAt as number, items: data }
}

/** @throws NodeJS.ErrnoException */
export async function writeStoredModels(path: string, baseUrl: string, stored: StoredModels): Promise<void> {
  const { fetchedAt, items } = stored
  const content = { base_url: baseUrl, fetched_at: fetchedAt, data: items }
  await writeFileAtomically(path, `${JSON.stringify(content)}\n`)
}
