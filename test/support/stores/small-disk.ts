import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterThisTest } from '../provider/signed-in.ts'

/** Why no small disk can be made here; null where it can. Mounting needs root. */
export const NO_SMALL_DISK: string | null = reasonAgainst()

/** Why no process can be kept from writing large files; null where it can. Needs no root. */
export const NO_FILE_LIMIT: string | null =
  process.platform === 'linux' ? null : 'file limits are set with Linux’s prlimit'

/** A disk of its own of `kilobytes`, in memory; gone after the test. */
export function smallDisk(kilobytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=0700`, 'none', folder])
  afterThisTest(() => {
    execFileSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true })
  })
  return folder
}

/** Writes until the disk takes no more. */
export function fillDisk(folder: string): void {
  const file = openSync(join(folder, 'filler'), 'w')
  const page = Buffer.alloc(4096)
  try {
    for (;;) writeSync(file, page)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}

export function freeDisk(folder: string): void {
  rmSync(join(folder, 'filler'))
}

export function makeReadOnly(folder: string): void {
  execFileSync('mount', ['-o', 'remount,ro', folder])
}

function reasonAgainst(): string | null {
  if (process.platform !== 'linux') return 'small disks are made with Linux’s tmpfs'
  if (process.getuid?.() !== 0) return 'mounting a small disk needs root'
  const probe = mkdtempSync(join(tmpdir(), 'hermes-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', probe], { stdio: 'pipe' })
    execFileSync('umount', [probe])
    return null
  } catch {
    return 'this container may not mount'
  } finally {
    rmSync(probe, { recursive: true })
  }
}
