import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { machineId, type MachineProbes } from './machine.ts'

let folder: string
let home: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-'))
  home = join(folder, 'home')
  mkdirSync(home)
})
afterEach(() => rmSync(folder, { recursive: true }))

const RAW = '0123456789abcdef0123456789abcdef'
const machine = (
  files: Record<string, string>,
  hardware = '',
  platform: NodeJS.Platform = 'linux',
): MachineProbes => ({
  platform,
  readFile(path) {
    const text = files[path]
    if (text === undefined) throw new Error('ENOENT')
    return text
  },
  hardware: () => hardware,
})

it('follows the machine id, wherever the home is, and does not give it away', () => {
  const here = machine({ '/etc/machine-id': `${RAW}\n` })
  const id = machineId(home, here)
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  expect(id).not.toBe(RAW)
  expect(machineId(folder, here)).toBe(id)
  expect(machineId(home, machine({ '/var/lib/dbus/machine-id': RAW }))).toBe(id)
  expect(machineId(home, machine({ '/etc/machine-id': RAW.replace('0', '1') }))).not.toBe(id)
})

it("follows the hardware's UUID on macOS", () => {
  const mac = (uuid: string) =>
    machine({ '/etc/machine-id': RAW }, `    "IOPlatformUUID" = "${uuid}"\n`, 'darwin')
  expect(machineId(home, mac('A-1'))).toBe(machineId(folder, mac('A-1')))
  expect(machineId(home, mac('A-1'))).not.toBe(machineId(home, mac('A-2')))
})

it.each([{}, { '/etc/machine-id': '' }, { '/etc/machine-id': 'uninitialized\n' }])(
  'without a machine id (%j) it tells the folder from its copy',
  (files: Record<string, string>) => {
    const id = machineId(home, machine(files))
    writeFileSync(join(home, 'credentials.json'), '{}')
    expect(machineId(home, machine(files))).toBe(id)
    const copy = join(folder, 'copy')
    cpSync(home, copy, { recursive: true, preserveTimestamps: true })
    expect(machineId(copy, machine(files))).not.toBe(id)
    // A volume that is mounted somewhere else is still the same folder.
    renameSync(home, join(folder, 'moved'))
    expect(machineId(join(folder, 'moved'), machine(files))).toBe(id)
  },
)

it('works on this machine', () => {
  expect(machineId(home)).toBe(machineId(home))
})
