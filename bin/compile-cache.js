import { lstatSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Nobody else may put code where ours is loaded from. */
const OTHERS_MAY_WRITE = 0o022
const OTHERS = 0o077

/**
 * Keeps compiled code for the next start, in a folder that belongs to this user alone. Node's default
 * is in the shared temporary folder, where another user can make it first and put code into it: Node
 * checks neither the owner nor the content. Without such a folder nothing is cached.
 */
export function cacheCompiledCode() {
  const folder = privateCacheFolder()
  if (folder !== null) enableCompileCache(folder)
}

function privateCacheFolder() {
  try {
    const parent = cacheHome()
    const folder = parent && join(parent, 'hermes-gateway')
    if (!folder || !isOurs(parent, OTHERS_MAY_WRITE)) return null
    makeFolder(folder)
    return isOurs(folder, OTHERS) ? folder : null
  } catch {
    return null
  }
}

/** @see https://specifications.freedesktop.org/basedir-spec/latest/ */
function cacheHome() {
  const chosen = process.env.XDG_CACHE_HOME
  if (chosen && isAbsolute(chosen)) return chosen
  const home = homedir()
  // Also keeps `sudo` with the caller's HOME from leaving folders of root behind.
  if (!isOurs(home, OTHERS_MAY_WRITE)) return null
  const parent = join(home, '.cache')
  makeFolder(parent)
  return parent
}

function makeFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}

/** A link is nobody's folder. */
function isOurs(path, forbidden) {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return false
  // Windows has neither; a profile folder is private there.
  if (!process.getuid) return true
  return stat.uid === process.getuid() && (stat.mode & forbidden) === 0
}
