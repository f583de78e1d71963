import { accessSync, constants, existsSync, statSync, type Stats } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { networkFileSystem } from '../../config/home/filesystem.ts'
import { readGatewayToken } from '../../config/home/gateway-token.ts'
import type { HomePaths } from '../../config/home/home.ts'
import { DEFAULT_RESERVE_BYTES } from '../../inbox/gate/store-health.ts'
import { messageOf } from '../../support/errors.ts'
import { inspectSecretFile } from '../../support/files/secret-file.ts'
import { fileSize } from '../terminal/output.ts'
import { error, misconfigured, moveAwayCommand, ok, quoteForShell, warning, type Finding } from './finding.ts'

const NEEDED_NODE = 24

export function checkNode(version: string = process.versions.node): Finding {
  if (Number.parseInt(version, 10) >= NEEDED_NODE) return ok('node', `Node ${version} (${process.execPath})`)
  return misconfigured(
    'node',
    `Node ${version} is too old; Node ${NEEDED_NODE} or newer is required.`,
    'npm install -g n && n 24',
  )
}

/** Checks that the home exists, is private, on a local disk and writable. */
export function checkHome(home: string): readonly Finding[] {
  let stats: Stats
  try {
    stats = statSync(home)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return [error('home', `${home} does not exist yet.`, 'hermes init')]
    return [misconfigured('home', `${home} cannot be accessed (${code}).`, `ls -ld ${quoteForShell(home)}`)]
  }
  if (!stats.isDirectory()) {
    return [misconfigured('home', `${home} is not a folder.`, moveAwayCommand(home))]
  }
  const findings: Finding[] = []
  const network = networkFileSystem(home)
  if (network !== null) {
    findings.push(
      misconfigured(
        'home.filesystem',
        `${home} is on a network file system (${network}), where locks and durable writes are unreliable.`,
        'hermes init --home /a/folder/on/a/local/disk',
      ),
    )
  }
  const user = process.getuid?.()
  if (user !== undefined && stats.uid !== user) {
    const message = `${home} belongs to another user (uid ${stats.uid}, you are ${user}), who can read and change its files.`
    const fix = `sudo chown -R ${userInfo().username} ${quoteForShell(home)}`
    findings.push(
      user === 0 ? warning('home.owner', message, fix) : misconfigured('home.owner', message, fix),
    )
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
    findings.push(
      warning(
        'home.mode',
        `${home} is accessible to other users (mode ${mode}).`,
        `chmod 700 ${quoteForShell(home)}`,
      ),
    )
  }
  try {
    accessSync(home, constants.W_OK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    findings.push(
      error('home.writable', `${home} is not writable (${code}).`, `ls -ld ${quoteForShell(home)}; mount`),
    )
  }
  return findings.length > 0 ? findings : [ok('home', home)]
}

/** Checks that files with secrets are regular files, belong to us and are private. */
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
      const fix = /another user/.test(state.reason)
        ? `sudo chown ${userInfo().username} ${quoteForShell(path)}`
        : moveAwayCommand(path)
      // Without its sign-in the gateway still accepts and holds messages.
      return [
        path === paths.credentials
          ? error(`${id}.file`, state.reason, fix)
          : misconfigured(`${id}.file`, state.reason, fix),
      ]
    }
    if (state.warning !== null)
      return [warning(`${id}.mode`, state.warning, `chmod 600 ${quoteForShell(path)}`)]
    return [ok(id, `${path} is private`)]
  })
}

/** With a token file that is empty or unreadable nobody can use the API. */
export function checkGatewayToken(path: string): readonly Finding[] {
  if (!existsSync(path)) return []
  try {
    if (readGatewayToken(path) !== null) return []
    return [
      warning(
        'gateway-token.empty',
        `${path} is empty; the next start creates a new token.`,
        'hermes dashboard',
      ),
    ]
  } catch (cause) {
    return [misconfigured('gateway-token.file', messageOf(cause), `ls -l ${quoteForShell(path)}`)]
  }
}

/** With less free space, a busy day with attachments may fill the disk. */
const LITTLE_BYTES = 512 * 1024 * 1024

export async function checkDisk(home: string): Promise<Finding> {
  const { bavail, bsize, files, ffree } = await statfs(home)
  return diskFinding(home, bavail * bsize, files > 0 ? ffree : null)
}

/** @param freeFiles null: the file system does not count them */
export function diskFinding(home: string, freeBytes: number, freeFiles: number | null): Finding {
  const show = `df -h ${quoteForShell(home)}`
  if (freeFiles === 0)
    return error('disk', `The disk of ${home} has no free inodes.`, `df -i ${quoteForShell(home)}`)
  const free = `${fileSize(freeBytes)} free in ${home}`
  if (freeBytes < DEFAULT_RESERVE_BYTES)
    return error('disk', `Only ${free}: messages are not accepted.`, show)
  if (freeBytes < LITTLE_BYTES) return warning('disk', `Only ${free}.`, show)
  return ok('disk', free)
}
