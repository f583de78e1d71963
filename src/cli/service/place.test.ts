import { expect, it } from 'vitest'
import { logCommand, startCommands, stopCommands } from './manager.ts'
import { servicePlace, type ServicePlace } from './place.ts'
import { plistText } from './plist.ts'
import { unitText } from './unit.ts'

const HOME = { HOME: '/home/ada' }

function place(platform: NodeJS.Platform, home?: string, system = false): ServicePlace {
  return servicePlace({ home, system, processEnv: HOME, platform })!
}

it('each home has a service of its own; the usual one has the plain name', () => {
  expect(place('linux').file).toBe('/home/ada/.config/systemd/user/hermes-gateway.service')
  expect(place('linux', undefined, true).file).toBe('/etc/systemd/system/hermes-gateway.service')
  expect(place('linux', '/srv/one').name).not.toBe(place('linux', '/srv/two').name)
  expect(place('linux', '/srv/one').name).toMatch(/^hermes-gateway-[0-9a-f]{8}\.service$/)
  expect(place('darwin').file).toBe('/home/ada/Library/LaunchAgents/hermes-gateway.plist')
  expect(servicePlace({ home: undefined, system: false, processEnv: HOME, platform: 'win32' })).toBe(null)
})

it('asks the manager that is there', () => {
  expect(startCommands(place('linux')).map(([program]) => program)).toEqual([
    'systemctl',
    'systemctl',
    'systemctl',
  ])
  expect(startCommands(place('linux')).flat()).toContain('--user')
  expect(startCommands(place('linux', undefined, true)).flat()).not.toContain('--user')
  expect(startCommands(place('darwin'))[0]!.slice(0, 2)).toEqual(['launchctl', 'bootstrap'])
  expect(stopCommands(place('darwin'))[0]![2]).toMatch(/^gui\/\d+\/hermes-gateway$/)
  expect(logCommand(place('linux'))).toBe('journalctl --user -u hermes-gateway.service -n 50')
})

it('a unit of the machine runs as somebody, and is shut in more', () => {
  const own = unitText({ ...place('linux').unit, user: null })
  const machine = unitText({ ...place('linux').unit, user: 'hermes' })
  expect(own).not.toContain('User=')
  expect(machine).toContain('\nUser=hermes\n')
  expect(machine).toContain('\nWantedBy=multi-user.target\n')
  expect(machine).toContain('\nProtectSystem=full\n')
  expect(machine).toContain('\nPrivateTmp=yes\n')
  // With a /tmp of its own the gateway would not see a home there.
  expect(unitText({ ...place('linux', '/tmp/hermes').unit, user: 'hermes' })).not.toContain('PrivateTmp')
})

it('a job of launchd names absolute paths, and every character is written as XML wants it', () => {
  const { unit } = place('darwin', '/srv/a & b <c>')
  const text = plistText('hermes-gateway', unit, '/srv/log')
  expect(text).toContain('<string>/srv/a &amp; b &lt;c&gt;</string>')
  expect(text).toContain('<key>KeepAlive</key>\n  <true/>')
  const opened = [...text.matchAll(/<(\w+)(?: [^>]*)?>/g)].map(([, tag]) => tag)
  const closed = [...text.matchAll(/<\/(\w+)>/g)].map(([, tag]) => tag)
  expect(opened.toSorted()).toEqual(closed.toSorted())
})
