import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'

it('a gateway that other machines could reach does not start before it has a token, however often it is tried', () => {
  using place = temporaryHome({ 'config.yaml': 'gateway: { host: 0.0.0.0, port: 18642 }\n' })
  for (let attempt = 1; attempt <= 2; attempt++) {
    const { code, stderr } = hermes(['gateway', '--home', place.home])
    expect(stderr).toContain('gateway.host is 0.0.0.0')
    expect(code).toBe(78)
    expect(existsSync(join(place.home, 'gateway.token'))).toBe(false)
  }
})
