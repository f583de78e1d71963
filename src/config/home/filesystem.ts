import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * File systems that other machines can write, too: locks and durable writes are not
 * to be relied on there, and a database in WAL mode is damaged by them.
 *
 * @see https://www.sqlite.org/wal.html "All processes using a database must be on the same host computer"
 * @see statfs(2) for the numbers
 */
const NETWORK_TYPES: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB2',
  0x01021997: '9p',
  0x5346414f: 'AFS',
  0x6b414653: 'AFS',
  0x73757245: 'Coda',
  0x00c36400: 'Ceph',
  0x0bd00bd0: 'Lustre',
  0x01161970: 'GFS2',
  0x7461636f: 'OCFS2',
  0x47504653: 'GPFS',
  0x19830326: 'BeeGFS',
}

/** FUSE carries local and remote file systems alike; only the name of the mount distinguishes them. */
const FUSE = 0x65735546

const NETWORK_NAMES =
  /^(?:nfs\d?|cifs|smb\d?|smbfs|9p|afs|afpfs|webdav|ceph|lustre|glusterfs|fuse\.(?:sshfs|s3fs|rclone|gcsfuse|goofys|glusterfs|ceph(?:-fuse)?|davfs2?|smbnetfs|curlftpfs|juicefs|seaweedfs|mount-s3|blobfuse2?))$/

/** How the system is asked; replaced in tests. */
export interface FileSystemProbes {
  readonly platform: NodeJS.Platform
  /** The number of statfs(2). */
  type(path: string): number
  /** Mount points with the names of their file systems. */
  mounts(): readonly Mount[]
}

export interface Mount {
  readonly point: string
  readonly name: string
}

const systemProbes: FileSystemProbes = {
  platform: process.platform,
  type: (path) => statfsSync(path).type,
  mounts: () =>
    process.platform === 'darwin'
      ? parseMountCommand(execFileSync('/sbin/mount', { encoding: 'utf8', timeout: 5_000 }))
      : parseProcMounts(readFileSync('/proc/self/mounts', 'utf8')),
}

/**
 * The kind of network file system that holds `path` (`NFS`, `fuse.sshfs`); null = a
 * local one, or unknown. For a path that does not exist yet, the nearest existing folder
 * is checked.
 */
export function networkFileSystem(path: string, probes: FileSystemProbes = systemProbes): string | null {
  const existing = nearestExisting(path)
  try {
    if (probes.platform === 'linux') {
      // Some systems report the 32-bit number as signed.
      const type = probes.type(existing) >>> 0
      if (type !== FUSE) return NETWORK_TYPES[type] ?? null
    } else if (probes.platform !== 'darwin') {
      return null
    }
    const name = mountOf(existing, probes.mounts())?.name
    return name !== undefined && NETWORK_NAMES.test(name) ? name : null
  } catch {
    return null
  }
}

function nearestExisting(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      return realpathSync(folder)
    } catch {
      if (folder === dirname(folder)) return folder
    }
  }
}

/** The mount that `path` belongs to: the longest point that it begins with; of equal ones the last, which hides the others. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined
  for (const mount of mounts) {
    const inside = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`)
    if (inside && mount.point.length >= (best?.point.length ?? 0)) best = mount
  }
  return best
}

/** Lines of /proc/self/mounts: `device point name options 0 0`, spaces written as `\040`. */
export function parseProcMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [, point, name] = line.split(' ')
    if (!point || !name) return []
    return [
      { point: point.replace(/\\(\d{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8))), name },
    ]
  })
}

/** Lines of macOS's mount(8): `//user@host/share on /Volumes/share (smbfs, nodev)`. */
export function parseMountCommand(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const match = / on (\/.*) \(([^,)]+)/.exec(line)
    return match ? [{ point: match[1]!, name: match[2]! }] : []
  })
}
