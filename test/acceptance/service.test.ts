import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BIN } from '../support/processes/gateway-process.ts'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'

const missing = spawnSync('systemd-analyze', ['--version']).error !== undefined
if (missing && process.env['CI'] === 'true') {
  throw new Error('systemd-analyze is not installed, and in CI nothing may be skipped')
}
const why = missing ? ' (skipped: systemd-analyze is not installed)' : ''

/** What systemd itself says of a unit; empty = nothing. */
function verify(folder: string, text: string, flags: readonly string[]): string {
  const file = join(folder, 'hermes-gateway-test.service')
  writeFileSync(file, text)
  const run = join(folder, 'run')
  mkdirSync(run, { recursive: true, mode: 0o700 })
  const { stdout, stderr, status } = spawnSync('systemd-analyze', [...flags, 'verify', file], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: run },
  })
  // Other units of the machine are not ours to judge.
  const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('hermes'))
  return said.length > 0 ? said.join('\n') : status === 0 ? '' : `ended with ${status}: ${stderr}`
}

describe.skipIf(missing)(`systemd accepts the unit${why}`, () => {
  it.each([
    ['of your own', [], ['--user']],
    ['of the machine', ['--system'], []],
  ])('%s, whatever the path of the home', (_what, system, flags) => {
    using place = temporaryHome()
    for (const home of [
      join(place.home, 'plain'),
      join(place.home, 'with space, 100%, $HOME and "quotes"'),
    ]) {
      const { code, stdout } = hermes(['service', 'install', '--print', '--home', home, ...system])
      expect(code).toBe(0)
      expect(stdout).toMatch(/^Type=notify$/m)
      expect(verify(place.home, stdout, flags)).toBe('')
      // The check works: a mistake is noticed.
      expect(verify(place.home, stdout.replace('Restart=always', 'Restart=sometimes'), flags)).not.toBe('')
    }
  })
})

describe.skipIf(process.platform !== 'linux')('hermes service on a system with systemd', () => {
  /** A home, and a systemctl that keeps a record of what it was asked. */
  function machine(systemctl = 'exit 0') {
    const place = temporaryHome()
    const bin = join(place.home, 'bin')
    mkdirSync(bin)
    const log = join(place.home, 'asked')
    writeFileSync(join(bin, 'systemctl'), `#!/bin/sh\necho "$@" >> ${log}\n${systemctl}\n`, { mode: 0o755 })
    writeFileSync(join(bin, 'loginctl'), '#!/bin/sh\necho no\n', { mode: 0o755 })
    const home = join(place.home, '.hermes')
    mkdirSync(home)
    const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: place.home }
    return {
      file: join(place.home, '.config/systemd/user/hermes-gateway.service'),
      run: (...args: string[]) => hermes(['service', ...args], env),
      asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
      [Symbol.dispose]: () => rmSync(place.home, { recursive: true, force: true }),
    }
  }

  it('install writes the unit with absolute paths, starts it, and says how it survives a log-out', () => {
    using system = machine()
    const { code, stdout } = system.run('install')
    expect(code).toBe(0)
    const unit = readFileSync(system.file, 'utf8')
    expect(unit).toContain(`ExecStart=${process.execPath} ${BIN} gateway --home `)
    for (const line of [
      'NotifyAccess=all',
      'Restart=always',
      'RestartSec=2',
      'StartLimitIntervalSec=0',
      'RestartPreventExitStatus=78',
      'TimeoutStopSec=45',
      'NoNewPrivileges=yes',
    ]) {
      expect(unit.split('\n')).toContain(line)
    }
    expect(unit).not.toContain('MemoryDenyWriteExecute')
    expect(system.asked()).toEqual([
      '--user daemon-reload',
      '--user enable hermes-gateway.service',
      '--user restart hermes-gateway.service',
    ])
    expect(stdout).toContain('loginctl enable-linger')
  })

  it('uninstall stops it and leaves no file', () => {
    using system = machine()
    system.run('install')
    const { code } = system.run('uninstall')
    expect(code).toBe(0)
    expect(readdirSync(join(system.file, '..'))).toEqual([])
    expect(system.asked().slice(-2)).toEqual([
      '--user disable --now hermes-gateway.service',
      '--user daemon-reload',
    ])
    expect(system.run('uninstall').stdout).toContain('No service is installed for')
  })

  it('a unit that somebody else wrote is neither replaced nor removed', () => {
    using system = machine()
    mkdirSync(join(system.file, '..'), { recursive: true })
    writeFileSync(system.file, '[Service]\nExecStart=/usr/bin/mine\n')
    for (const command of ['install', 'uninstall']) {
      const { code, stderr } = system.run(command)
      expect(code).toBe(1)
      expect(stderr).toContain('not written by hermes')
    }
    expect(readFileSync(system.file, 'utf8')).toContain('/usr/bin/mine')
    expect(system.asked()).toEqual([])
  })

  it('of a unit of Hermes Agent the command that stops it is named', () => {
    using system = machine()
    mkdirSync(join(system.file, '..'), { recursive: true })
    writeFileSync(system.file, '[Service]\nExecStart=/opt/venv/bin/python -m hermes_cli.main gateway run\n')
    const { code, stderr } = system.run('install')
    expect(code).toBe(1)
    expect(stderr).toContain('systemctl --user disable --now hermes-gateway.service')
    expect(system.asked()).toEqual([])
  })

  it('where systemd does not run, install says what failed and status is not green', () => {
    using system = machine('echo "Failed to connect to bus: No medium found" >&2; exit 1')
    const { code, stderr } = system.run('install')
    expect(code).toBe(1)
    expect(stderr).toContain(
      '"systemctl --user daemon-reload" failed: Failed to connect to bus: No medium found',
    )
    const status = system.run('status', '--json')
    expect(status.code).toBe(1)
    expect(JSON.parse(status.stdout)).toMatchObject({ installed: true, state: null, enabled: false })
  })

  it('status shows what the manager says', () => {
    using system = machine('echo ActiveState=active; echo SubState=running; echo UnitFileState=enabled')
    system.run('install')
    const { code, stdout } = system.run('status', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      installed: true,
      state: 'active',
      enabled: true,
      problem: null,
    })
    expect(code).toBe(0)
    expect((statSync(system.file).mode & 0o777).toString(8)).toBe('644')
  })
})
