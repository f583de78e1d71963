import { accessSync, constants, existsSync, statSync, type Stats } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { networkFileSystem } from '../../config/home/filesystem.ts'
import { readGatewayToken } from '../../config/home/gateway-token.ts'
import type { HomePaths } from '../../config/home/home.ts'
import { DEFAULT_RESERVE_BYTES } from '../../inbox/gate/store-health.ts'
import { messageOf } from '../../support/errors.ts'
import { inspectSecretFile } from '../../support/secret-file.ts'
import { error, misconfigured, ok, warning, word, type Finding } from './finding.ts'

const NEEDED_NODE = 24

export function checkNode(version: string = process.versions.node): Finding {
  if (Number.parseInt(version, 10) >= NEEDED_NODE) return ok('node', `Node ${version} (${process.execPath})`)
  return misconfigured(
    'node',
    `Node ${version} is too old; ${NEEDED_NODE} or newer is needed.`,
    'npm install -g n && n 24',
  )
}

/** The folder itself: there, ours alone, on a local disk, writable. */
export function checkHome(home: string): readonly Finding[] {
  let stats: Stats
  try {
    stats = statSync(home)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return [error('home', `${home} does not exist yet.`, 'hermes init')]
    return [misconfigured('home', `${home} cannot be looked at (${code}).`, `ls -ld ${word(home)}`)]
  }
  if (!stats.isDirectory()) {
    return [misconfigured('home', `${home} is not a folder.`, `mv ${word(home)} ${word(`${home}.old`)}`)]
  }
  const findings: Finding[] = []
  const network = networkFileSystem(home)
  if (network !== null) {
    findings.push(
      misconfigured(
        'home.filesystem',
        `${home} lies on a network file system (${network}), where locks and durable writes cannot be relied on.`,
        'hermes init --home /a/folder/on/a/local/disk',
      ),
    )
  }
  const user = process.getuid?.()
  if (user !== undefined && stats.uid !== user) {
    const message = `${home} belongs to another user (uid ${stats.uid}, this is ${user}), who can read and change what is in it.`
    const mend = `sudo chown -R ${userInfo().username} ${word(home)}`
    findings.push(
      user === 0 ? warning('home.owner', message, mend) : misconfigured('home.owner', message, mend),
    )
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
    findings.push(
      warning('home.mode', `${home} is open to others (mode ${mode}).`, `chmod 700 ${word(home)}`),
    )
  }
  try {
    accessSync(home, constants.W_OK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    findings.push(
      error('home.writable', `${home} cannot be written (${code}).`, `ls -ld ${word(home)}; mount`),
    )
  }
  return findings.length > 0 ? findings : [ok('home', home)]
}

/** Files with secrets: files indeed, ours, and for nobody else's eyes. */
export function checkSecretFiles(paths: HomePaths): readonly Finding[] {
  const files = [
    ['env', paths.env],
    ['credentials', paths.credentials],
    ['gateway-token', paths.gatewayToken],
    ['database', paths.database],
  ] as const
  return files.flatMap(([id, path]) => {
    const state = inspectSecretFile(path, { rootMayOwn: path === paths.env, lookOnly: true })
    if (state.kind === 'absent') return []
    if (state.kind === 'refused') {
      const mend = /another user/.test(state.reason)
        ? `sudo chown ${userInfo().username} ${word(path)}`
        : `mv ${word(path)} ${word(`${path}.old`)}`
      // Without its sign-in the gateway still accepts and holds messages.
      return [
        path === paths.credentials
          ? error(`${id}.file`, state.reason, mend)
          : misconfigured(`${id}.file`, state.reason, mend),
      ]
    }
    if (state.warning !== null) return [warning(`${id}.mode`, state.warning, `chmod 600 ${word(path)}`)]
    return [ok(id, `${path} is readable by its owner alone`)]
  })
}

/** A token that cannot be read, or is empty, keeps everybody out. */
export function checkGatewayToken(path: string): readonly Finding[] {
  if (!existsSync(path)) return []
  try {
    if (readGatewayToken(path) !== null) return []
    return [
      warning(
        'gateway-token.empty',
        `${path} is empty; the next start makes a new token.`,
        'hermes dashboard',
      ),
    ]
  } catch (cause) {
    return [misconfigured('gateway-token.file', messageOf(cause), `ls -l ${word(path)}`)]
  }
}

/** Less than this, and a busy day with attachments may fill the disk. */
const LITTLE_BYTES = 512 * 1024 * 1024

export async function checkDisk(home: string): Promise<Finding> {
  const { bavail, bsize, files, ffree } = await statfs(home)
  return judgeDisk(home, bavail * bsize, files > 0 ? ffree : null)
}

/** @param freeFiles null: the file system does not count them */
export function judgeDisk(home: string, freeBytes: number, freeFiles: number | null): Finding {
  const show = `df -h ${word(home)}`
  if (freeFiles === 0)
    return error('disk', `The disk of ${home} has no room for another file.`, `df -i ${word(home)}`)
  const free = `${Math.floor(freeBytes / 1024 / 1024)} MB are free where ${home} lies`
  if (freeBytes < DEFAULT_RESERVE_BYTES) return error('disk', `Only ${free}: no message is accepted.`, show)
  if (freeBytes < LITTLE_BYTES) return warning('disk', `Only ${free}.`, show)
  return ok('disk', free)
}
