import { chmodSync, statSync, type Stats } from 'node:fs'

/** What was found at the path of a file with secrets. */
export type SecretFileState =
  | { readonly kind: 'absent' }
  /** `warning`: a sentence about its mode, which was or could not be fixed. */
  | { readonly kind: 'fine'; readonly warning: string | null }
  /** It must neither be read nor written; `reason` is a sentence. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Readable and writable by the owner alone. */
export const SECRET_FILE_MODE = 0o600

/** Any permission of the group or of others. */
const OTHERS = 0o077

/**
 * Inspects the file at `path` (through a symbolic link) before it is opened: opening a FIFO would block
 * forever. A mode that lets others read is tightened.
 *
 * @param options.rootMayOwn accepts a file of root's, which is how containers are given their secrets
 * @param options.lookOnly changes nothing, and says what it saw
 */
export function inspectSecretFile(
  path: string,
  options: { rootMayOwn?: boolean; lookOnly?: boolean } = {},
): SecretFileState {
  let stats: Stats
  try {
    stats = statSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { kind: 'absent' }
    return { kind: 'refused', reason: `${path} cannot be inspected (${code}).` }
  }
  if (!stats.isFile()) return { kind: 'refused', reason: `${path} is ${kindOf(stats)}, not a file.` }
  const user = process.getuid?.()
  if (user !== undefined && stats.uid !== user && !(options.rootMayOwn && stats.uid === 0)) {
    return {
      kind: 'refused',
      reason: `${path} belongs to another user (uid ${stats.uid}, this is ${user}), who could read and change it.`,
    }
  }
  if ((stats.mode & OTHERS) === 0) return { kind: 'fine', warning: null }
  const before = (stats.mode & 0o777).toString(8).padStart(4, '0')
  if (options.lookOnly) return { kind: 'fine', warning: `${path} is readable by others (mode ${before}).` }
  try {
    chmodSync(path, stats.mode & 0o700)
    return { kind: 'fine', warning: `${path} was readable by others (mode ${before}); it is not any more.` }
  } catch {
    return { kind: 'fine', warning: `${path} is readable by others (mode ${before}) and cannot be changed.` }
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory'
  if (stats.isFIFO()) return 'a FIFO'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}
