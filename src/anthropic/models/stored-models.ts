import {
  isObject,
  parseObject,
  readPrivateFile,
  writeFileAtomically,
} from '../../support/files/private-file.ts'

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

/** A larger file would not be read again. Some hundred models are 1 MB. @see readPrivateFile */
const MAX_BYTES = 1024 * 1024

/** Keeps the list, unless it is larger than one can be. @throws NodeJS.ErrnoException */
export async function writeStoredModels(path: string, baseUrl: string, stored: StoredModels): Promise<void> {
  const { fetchedAt, items } = stored
  const text = `${JSON.stringify({ base_url: baseUrl, fetched_at: fetchedAt, data: items })}\n`
  if (Buffer.byteLength(text) <= MAX_BYTES) await writeFileAtomically(path, text)
}
