import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'

/** A port of this machine on which nothing listens: nobody outside is asked. */
const NOBODY = 'model: { base_url: "http://127.0.0.1:59" }\n'

interface Item {
  readonly id: string
  readonly level: string
  readonly message: string
  /** The command that fixes it. */
  readonly fix: string | null
}

function doctor(home: string, env: Readonly<Record<string, string>> = {}): readonly Item[] {
  const { stdout } = hermes(['doctor', '--json', '--home', home], { HOME: home, ...env })
  const { items } = JSON.parse(stdout) as { items: ReadonlyArray<Item & { mend: string | null }> }
  return items.map(({ mend, ...item }) => ({ ...item, fix: mend }))
}

test('a database that is not ours is named, and neither used nor changed', () => {
  using place = temporaryHome({ 'config.yaml': NOBODY })
  const path = join(place.home, 'hermes.db')
  using database = new DatabaseSync(path)
  database.exec('CREATE TABLE sessions (id TEXT); PRAGMA user_version = 22')
  database.close()
  const before = readFileSync(path)
  expect(doctor(place.home).find(({ id }) => id === 'database.foreign')).toMatchObject({
    level: 'error',
    message: `${path} is another program's database.`,
    fix: `mv ${path} ${path}.old`,
  })
  const { code, stderr } = hermes(['gateway', '--port', '0', '--home', place.home])
  expect(stderr).toContain(`${path} is another program's database. Move it away first.`)
  expect(code).toBe(78)
  expect(readFileSync(path).equals(before)).toBe(true)
})

test('a SOUL.md that makes the assistant another program is said', () => {
  using place = temporaryHome({ 'config.yaml': NOBODY, 'SOUL.md': 'You are Hermes Agent, an AI assistant.' })
  expect(doctor(place.home).find(({ id }) => id === 'soul')).toMatchObject({
    level: 'warning',
    message: 'SOUL.md tells the assistant that it is Hermes Agent. Write who it is here.',
    fix: expect.stringMatching(/SOUL\.md$/),
  })
})

test.each([
  ['hermes-gateway-work.service', '/opt/venv/bin/python -m hermes_cli.main --profile work gateway run'],
  ['hermes.service', '/opt/venv/bin/python -m hermes_cli.main gateway run'],
])('a service of Hermes Agent that runs is named with the command that stops it: %s', (name, command) => {
  using place = temporaryHome({ 'config.yaml': NOBODY })
  const units = join(place.home, '.config/systemd/user')
  mkdirSync(units, { recursive: true })
  writeFileSync(join(units, name), `[Service]\nExecStart=${command}\n`)
  writeFileSync(join(units, 'hermes-gateway.service'), '[Service]\nExecStart=/usr/bin/mine\n')
  const bin = join(place.home, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'systemctl'), '#!/bin/sh\necho ActiveState=active\n', { mode: 0o755 })
  const found = doctor(place.home, { PATH: `${bin}:${process.env['PATH']}` })
  expect(found.filter(({ id }) => id === 'service.other')).toEqual([
    {
      id: 'service.other',
      level: 'warning',
      message: `${name} runs another program's gateway: on one account both answer.`,
      fix: `systemctl --user disable --now ${name}`,
    },
  ])
})

test('a configuration in JSON with comments is refused by the line, and not read as something else', () => {
  const text = '{ // mine\n  gateway: { port: 1234 },\n  model: { default: "x" }, /* more */\n}\n'
  using place = temporaryHome({ 'config.yaml': text })
  const { code, stderr } = hermes(['gateway', '--home', place.home])
  expect(stderr).toContain('config.yaml:1: a comment begins with "#" here')
  expect(code).toBe(78)
})

test('a list of tokens, which Hermes Agent takes, is refused by its name', () => {
  using place = temporaryHome({
    '.env': 'SLACK_BOT_TOKEN=xoxb-TEST-1,xoxb-TEST-2\nSLACK_APP_TOKEN=xapp-TEST\n',
  })
  const { code, stderr } = hermes(['gateway', '--home', place.home])
  expect(stderr).toContain('SLACK_BOT_TOKEN holds several tokens. Only one can be used: keep that one.')
  expect(stderr).not.toContain('xoxb-TEST')
  expect(code).toBe(78)
})
