import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'

it.each([
  [
    'an unknown key',
    'gateway:\n  prot: 9000\n',
    ':2: unknown key "gateway.prot"; the nearest valid key is "gateway.port"',
  ],
  [
    'a wrong type',
    'gateway:\n  port: "9000"\n',
    ':2: gateway.port: expected a whole number from 1 to 65535, got text',
  ],
  ['bad YAML', 'gateway:\n\tport: 9000\n', ':2: not valid YAML: a tab indents this line; use spaces'],
  ['a doubled key', 'gateway:\n  port: 1\n  port: 2\n', ':3: this key stands here for the second time'],
  [
    'plain http to another machine',
    'model:\n  base_url: http://api.example.org\n',
    ':2: model.base_url: plain http is allowed only to this machine',
  ],
])('%s in config.yaml ends the start with exit code 78 and names the line', (_what, text, message) => {
  using place = temporaryHome({ 'config.yaml': text })
  const { code, stdout, stderr } = hermes(['gateway', '--home', place.home])
  expect(stderr).toContain(join(place.home, 'config.yaml') + message)
  expect(stdout).toBe('')
  expect(code).toBe(78)
  // Nothing was begun that the next start would have to repair.
  expect(existsSync(join(place.home, 'hermes.db'))).toBe(false)
})

it('all mistakes are reported by one start, those of the variables included', () => {
  using place = temporaryHome({
    'config.yaml': 'gatway: {}\nmodel:\n  max_tokens: lots\n',
    '.env': 'TELEGRAM_ALLOWED_USERS=@alice\n',
  })
  const { code, stderr } = hermes(['gateway', '--home', place.home])
  expect(code).toBe(78)
  expect(stderr).toContain('config.yaml:1: unknown key "gatway"')
  expect(stderr).toContain('config.yaml:3: model.max_tokens: expected "auto" or a whole number')
  expect(stderr).toContain('TELEGRAM_ALLOWED_USERS holds "@alice": expected numeric user ids')
})
