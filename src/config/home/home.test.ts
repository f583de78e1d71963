import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { networkFileSystem, parseMountCommand, parseProcMounts } from './filesystem.ts'
import { prepareGatewayToken, readGatewayToken } from './gateway-token.ts'
import { homePaths, prepareHome, resolveHome } from './home.ts'

let folder: string
let home: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-'))
  home = join(folder, 'deep', 'home')
})
afterEach(() => rmSync(folder, { recursive: true }))

const modeOf = (path: string) => statSync(path).mode & 0o777
const isRoot = process.getuid?.() === 0

describe('resolveHome', () => {
  it('prefers --home to HERMES_HOME to ~/.hermes, and makes it absolute', () => {
    const variables = { HERMES_HOME: '/srv/hermes', HOME: '/home/someone' }
    expect(resolveHome('/flag', variables)).toBe('/flag')
    expect(resolveHome('relative', variables)).toBe(resolve('relative'))
    expect(resolveHome(undefined, variables)).toBe('/srv/hermes')
    expect(resolveHome(undefined, { ...variables, HERMES_HOME: '' })).toBe('/home/someone/.hermes')
  })
})

describe('prepareHome', () => {
  it('makes a missing home for its owner alone, without a warning', () => {
    const { paths, warnings } = prepareHome(home)
    expect(paths).toEqual(homePaths(home))
    expect(modeOf(home)).toBe(0o700)
    expect(warnings).toEqual([])
  })

  it('closes a home and files with secrets that others can read, and says so', () => {
    mkdirSync(home, { recursive: true })
    chmodSync(home, 0o755)
    const { env, credentials, gatewayToken, config } = homePaths(home)
    for (const path of [env, credentials, gatewayToken, config]) writeFileSync(path, '', { mode: 0o644 })
    const { warnings } = prepareHome(home)
    expect(modeOf(home)).toBe(0o700)
    for (const path of [env, credentials, gatewayToken]) expect(modeOf(path)).toBe(0o600)
    expect(warnings).toHaveLength(4)
    expect(warnings.join('\n')).toContain(
      `${credentials} was readable by others (mode 0644); it is not any more.`,
    )
    expect(prepareHome(home).warnings).toEqual([])
  })

  it('tightens the file behind a link and leaves the link', () => {
    mkdirSync(home, { recursive: true })
    const target = join(folder, 'target')
    writeFileSync(target, '', { mode: 0o640 })
    symlinkSync(target, homePaths(home).env)
    prepareHome(home)
    expect(modeOf(target)).toBe(0o600)
  })

  it('refuses a network file system before it makes anything there', () => {
    expect(() => prepareHome(home, () => 'NFS')).toThrow(
      `${home} is on a network file system (NFS). Locks and durable writes cannot be relied on there`,
    )
    expect(existsSync(home)).toBe(false)
  })

  it('refuses a file where the folder should be', () => {
    writeFileSync(join(folder, 'deep'), '')
    expect(() => prepareHome(home)).toThrow(/cannot be made a folder \(ENOTDIR\)/)
  })

  it('refuses a directory and a FIFO where a file with secrets belongs, without opening it', () => {
    const { env, credentials } = prepareHome(home).paths
    mkdirSync(env)
    expect(() => prepareHome(home)).toThrow(`${env} is a directory, not a file.`)
    rmSync(env, { recursive: true })
    execFileSync('mkfifo', [env])
    expect(() => prepareHome(home)).toThrow(`${env} is a FIFO, not a file.`)
    rmSync(env)
    execFileSync('mkfifo', [credentials])
    // The gateway still starts, to accept and hold messages.
    expect(prepareHome(home).warnings).toEqual([`${credentials} is a FIFO, not a file.`])
  })

  it.runIf(isRoot)('refuses a file of another user', () => {
    const { env } = prepareHome(home).paths
    writeFileSync(env, '', { mode: 0o600 })
    chownSync(env, 12_345, 12_345)
    expect(() => prepareHome(home)).toThrow(`${env} belongs to another user (uid 12345, this is 0)`)
  })
})

describe('networkFileSystem', () => {
  const on = (type: number, mounts = '', platform: NodeJS.Platform = 'linux') =>
    networkFileSystem(join(home, 'not', 'there'), {
      platform,
      type: () => type,
      mounts: () => (platform === 'darwin' ? parseMountCommand(mounts) : parseProcMounts(mounts)),
    })

  it.each([
    [0x6969, 'NFS'],
    [0xff534d42, 'CIFS'],
    [0xff534d42 | 0, 'CIFS'],
    [0xfe534d42, 'SMB2'],
    [0x01021997, '9p'],
    [0x00c36400, 'Ceph'],
  ])('knows %i as %s', (type, name) => expect(on(type)).toBe(name))

  it.each([0xef53, 0x9123683e, 0x58465342, 0x01021994, 0x794c7630])('takes %i for local', (type) =>
    expect(on(type)).toBeNull(),
  )

  it('tells the mounts of FUSE apart by their names', () => {
    const mounts = `/dev/sda / ext4 rw 0 0\nme@host:/ ${folder} fuse.sshfs rw 0 0\n/dev/sdb ${folder}x fuseblk rw 0 0\n`
    expect(on(0x65735546, mounts)).toBe('fuse.sshfs')
    expect(on(0x65735546, mounts.replace('fuse.sshfs', 'fuse.gocryptfs'))).toBeNull()
  })

  it("reads macOS's mounts, spaces included", () => {
    const mounts = `/dev/disk1s1 on / (apfs, local)\n//me@nas/my share on ${folder} (smbfs, nodev)\n`
    expect(on(0, mounts, 'darwin')).toBe('smbfs')
    expect(on(0, mounts.replace('smbfs', 'apfs'), 'darwin')).toBeNull()
    expect(parseProcMounts('x /mnt/a\\040b nfs4 rw 0 0')).toEqual([{ point: '/mnt/a b', name: 'nfs4' }])
  })

  it('takes the folder of this test for local, and believes the best where nothing can be told', () => {
    expect(networkFileSystem(folder)).toBeNull()
    const fails = () => {
      throw new Error('no')
    }
    expect(networkFileSystem(folder, { platform: 'linux', type: fails, mounts: fails })).toBeNull()
  })
})

describe('prepareGatewayToken', () => {
  it('makes a token once, for the owner alone', () => {
    const { gatewayToken } = prepareHome(home).paths
    const first = prepareGatewayToken(gatewayToken, '127.0.0.1')
    expect(first.existedBefore).toBe(false)
    expect(first.token.reveal()).toMatch(/^[\w-]{43}$/)
    expect(modeOf(gatewayToken)).toBe(0o600)
    expect(readFileSync(gatewayToken, 'utf8')).toBe(`${first.token.reveal()}\n`)
    const second = prepareGatewayToken(gatewayToken, '0.0.0.0')
    expect(second).toEqual({ token: first.token, existedBefore: true })
  })

  it('takes an empty file for no token', () => {
    const { gatewayToken } = prepareHome(home).paths
    writeFileSync(gatewayToken, '\n', { mode: 0o600 })
    expect(readGatewayToken(gatewayToken)).toBeNull()
    expect(prepareGatewayToken(gatewayToken, 'localhost').existedBefore).toBe(false)
    expect(readGatewayToken(gatewayToken)).not.toBeNull()
  })

  it.each(['TESTtoken\u200b', 'TEST token', '\u201cTESTtoken\u201d'])(
    'refuses %j, which fits into no header, and does not print it',
    (text) => {
      const { gatewayToken } = prepareHome(home).paths
      writeFileSync(gatewayToken, text, { mode: 0o600 })
      expect(() => readGatewayToken(gatewayToken)).toThrow('a character that no token has')
      expect(() => readGatewayToken(gatewayToken)).not.toThrow('TEST')
    },
  )

  it('refuses other hosts without one, again and again', () => {
    const { gatewayToken } = prepareHome(home).paths
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'chat.example.org', '0.0.0.0']) {
      expect(() => prepareGatewayToken(gatewayToken, host)).toThrow(`gateway.host is ${host}`)
      expect(existsSync(gatewayToken)).toBe(false)
    }
  })
})
