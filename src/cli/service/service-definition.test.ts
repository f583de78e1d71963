import { expect, it } from 'vitest'
import { logCommand, startCommands, stopCommands } from './manager.ts'
import { plistText } from './plist.ts'
import { serviceDefinition, type ServiceDefinition } from './service-definition.ts'
import { unitText } from './unit.ts'

const HOME = { HOME: '/home/ada' }

function service(platform: NodeJS.Platform, home?: string, system = false): ServiceDefinition {
  return serviceDefinition({ home, system, processEnv: HOME, platform })!
}

it('each home has a separate service; the default home has the plain name', () => {
  expect(service('linux').file).toBe('/home/ada/.config/systemd/user/hermes-gateway.service')
  expect(service('linux', undefined, true).file).toBe('/etc/systemd/system/hermes-gateway.service')
  expect(service('linux', '/srv/one').name).not.toBe(service('linux', '/srv/two').name)
  expect(service('linux', '/srv/one').name).toMatch(/^hermes-gateway-[0-9a-f]{8}\.service$/)
  expect(service('darwin').file).toBe('/home/ada/Library/LaunchAgents/hermes-gateway.plist')
  expect(serviceDefinition({ home: undefined, system: false, processEnv: HOME, platform: 'win32' })).toBe(
    null,
  )
})

it('uses the service manager of the platform', () => {
  expect(startCommands(service('linux')).map(([program]) => program)).toEqual([
    'systemctl',
    'systemctl',
    'systemctl',
  ])
  expect(startCommands(service('linux')).flat()).toContain('--user')
  expect(startCommands(service('linux', undefined, true)).flat()).not.toContain('--user')
  expect(startCommands(service('darwin'))[0]!.slice(0, 2)).toEqual(['launchctl', 'bootstrap'])
  expect(stopCommands(service('darwin'))[0]![2]).toMatch(/^gui\/\d+\/hermes-gateway$/)
  expect(logCommand(service('linux'))).toBe('journalctl --user -u hermes-gateway.service -n 50')
})

it('a system unit runs as a user and is hardened further', () => {
  const own = unitText({ ...service('linux').unit, user: null })
  const machine = unitText({ ...service('linux').unit, user: 'hermes' })
  expect(own).not.toContain('User=')
  // Each on a line of its own, or the last would be a part of the one before.
  expect(own).toContain(
    '\nEnvironment=NODE_OPTIONS=--max-semi-space-size=4\nEnvironment=MALLOC_ARENA_MAX=1\n',
  )
  expect(machine).toContain('\nUser=hermes\n')
  expect(machine).toContain('\nWantedBy=multi-user.target\n')
  expect(machine).toContain('\nProtectSystem=full\n')
  expect(machine).toContain('\nPrivateTmp=yes\n')
  // With a private /tmp the gateway could not see a home there.
  expect(unitText({ ...service('linux', '/tmp/hermes').unit, user: 'hermes' })).not.toContain('PrivateTmp')
})

it('a launchd job has absolute paths and escapes XML characters', () => {
  const { unit } = service('darwin', '/srv/a & b <c>')
  const text = plistText('hermes-gateway', unit, '/srv/log')
  expect(text).toContain('<string>/srv/a &amp; b &lt;c&gt;</string>')
  expect(text).toContain('<key>KeepAlive</key>\n  <true/>')
  const opened = [...text.matchAll(/<(\w+)(?: [^>]*)?>/g)].map(([, tag]) => tag)
  const closed = [...text.matchAll(/<\/(\w+)>/g)].map(([, tag]) => tag)
  expect(opened.toSorted()).toEqual(closed.toSorted())
})
