import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/** How this machine is identified; replaced in tests. */
export interface MachineProbes {
  readonly platform: NodeJS.Platform
  readFile(path: string): string
  /** The hardware report of macOS. */
  hardware(): string
}

const systemProbes: MachineProbes = {
  platform: process.platform,
  readFile: (path) => readFileSync(path, 'utf8'),
  hardware: () =>
    execFileSync('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice'], {
      encoding: 'utf8',
      timeout: 5_000,
    }),
}

/** 32 hex digits, as systemd writes it; a fresh image says `uninitialized`. */
const MACHINE_ID = /^[0-9a-f]{32}$/

/**
 * An id for the machine that `home` is on, so that a copy of the home on another machine is noticed. It
 * survives restarts and updates. Hashed with a constant of ours, because a raw machine id must not be
 * exposed.
 *
 * Where there is no machine id (most containers), the folder itself is used instead: a volume that is
 * mounted again is the same folder, a copy never is. A host name would not do, since a new container has a
 * new one.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/machine-id.html
 */
export function machineId(home: string, probes: MachineProbes = systemProbes): string {
  return createHash('sha256')
    .update(`hermes-gateway machine\0${rawMachineId(probes) ?? folderIdentity(home)}`)
    .digest('hex')
    .slice(0, 32)
}

function rawMachineId(probes: MachineProbes): string | null {
  if (probes.platform === 'darwin') {
    const text = attempt(() => probes.hardware())
    return /"IOPlatformUUID" = "([^"]+)"/.exec(text ?? '')?.[1] ?? null
  }
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = attempt(() => probes.readFile(path).trim())
    if (id && MACHINE_ID.test(id)) return id
  }
  return null
}

function folderIdentity(home: string): string {
  const { ino, birthtimeNs } = statSync(home, { bigint: true })
  return `folder ${ino} ${birthtimeNs}`
}

function attempt<Value>(read: () => Value): Value | null {
  try {
    return read()
  } catch {
    return null
  }
}
