import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { SECOND } from '../../support/clock.ts'

/** The item under which Claude Code stores its sign-in on macOS. */
const ITEM = 'Claude Code-credentials'
/** A locked Keychain asks a person; on a server nobody answers. */
const TIMEOUT_MS = 5 * SECOND
const MAX_BYTES = 1024 * 1024

/**
 * The text of Claude Code's Keychain item; null on other systems, or when there is
 * none or it may not be read. Read only: what the Keychain holds is refreshed by
 * Claude Code alone, because it has no compare-and-swap.
 *
 * @see https://ss64.com/mac/security.html
 */
export async function readKeychain(platform: NodeJS.Platform = process.platform): Promise<string | null> {
  if (platform !== 'darwin') return null
  try {
    const { stdout } = await promisify(execFile)('security', ['find-generic-password', '-s', ITEM, '-w'], {
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_BYTES,
    })
    return stdout.trim() || null
  } catch {
    return null
  }
}
