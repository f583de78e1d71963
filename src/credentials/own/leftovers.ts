import { rename, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { findLeftovers, readPrivateFile, resolveLink, syncFolder } from '../../support/files/private-file.ts'
import { refreshTag } from '../rotation/rotation.ts'
import { stillHoldsRefreshToken, type Generation, type StoredSignIn } from '../sign-in.ts'

/**
 * Deals with the temporary files that dead writers left next to `path`. One that
 * holds the complete successor of what is stored is an answer whose writer died
 * just before the rename: the rename is made up for, and the sign-in is not lost.
 * All others are removed. Call it under the locks that all writers take.
 *
 * @param mine only files with this in their name are touched
 * @param stored what the file holds now; null = nothing that could have a successor
 * @param read judges a file's text as the store would
 */
export async function recoverLeftovers(
  path: string,
  mine: string,
  stored: Generation | null,
  read: (text: string) => StoredSignIn,
): Promise<void> {
  let spent = stored?.refreshToken ? stored : null
  for (const leftover of await findLeftovers(path)) {
    const name = basename(leftover)
    if (!name.includes(mine)) continue
    if (spent && name.includes(refreshTag(spent)) && (await holdsSuccessor(leftover, spent, read))) {
      const target = await resolveLink(path)
      await rename(leftover, target)
      await syncFolder(dirname(target))
      spent = null
    } else await unlink(leftover).catch(() => {})
  }
}

async function holdsSuccessor(
  leftover: string,
  spent: Generation,
  read: (text: string) => StoredSignIn,
): Promise<boolean> {
  const file = await readPrivateFile(leftover)
  if (file.kind !== 'text') return false
  const successor = read(file.text)
  return successor.kind === 'present' && !stillHoldsRefreshToken(successor, spent)
}
