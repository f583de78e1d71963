import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { until } from '../../test/support/until.ts'
import { systemClock } from './clock.ts'
import { startServiceNotifier, type ServiceNotifierOptions } from './sd-notify.ts'

const SERVICE = { NOTIFY_SOCKET: '/run/TEST/notify' }
const WATCHED = { ...SERVICE, WATCHDOG_USEC: '60000000' }

function start(options: Partial<ServiceNotifierOptions> = {}) {
  const told: string[][] = []
  const problems: string[] = []
  const clock = new FakeClock()
  const notifier = startServiceNotifier({
    alive: () => Promise.resolve(),
    statusLine: () => 'ready',
    clock,
    environment: WATCHED,
    notify: async (assignments) => void told.push([...assignments]),
    onProblem: (message) => problems.push(message),
    ...options,
  })
  return { told, problems, clock, notifier, [Symbol.dispose]: () => notifier[Symbol.dispose]() }
}

describe('a process that systemd started', () => {
  it('says that it is ready, and three times in each watchdog that it lives', async () => {
    using service = start()
    await service.clock.advance(60_000)
    expect(service.told[0]).toEqual(['READY=1', 'STATUS=ready'])
    expect(service.told.filter((line) => line.includes('WATCHDOG=1'))).toHaveLength(4)
  })

  it('sends no heartbeat while the health check fails, complains once, and resumes when it works', async () => {
    let fails = true
    using service = start({
      alive: () => (fails ? Promise.reject(new Error('the store is gone')) : Promise.resolve()),
    })
    await service.clock.advance(60_000)
    expect(service.told.flat()).not.toContain('WATCHDOG=1')
    expect(service.problems).toEqual(['no sign of life is sent to systemd: the store is gone'])
    fails = false
    await service.clock.advance(20_000)
    expect(service.told.flat()).toContain('WATCHDOG=1')
  })

  it('takes a proof that never comes for none', async () => {
    using service = start({ alive: () => new Promise(() => {}) })
    await service.clock.advance(120_000)
    expect(service.told.flat()).not.toContain('WATCHDOG=1')
    expect(service.problems).toEqual(['no sign of life is sent to systemd: no answer in time'])
  })

  it('tells the state without a watchdog, or with one that is meant for another process', async () => {
    for (const environment of [SERVICE, { ...WATCHED, WATCHDOG_PID: '1' }]) {
      using service = start({ environment, statusLine: () => 'needs-login\nREADY=1' })
      await service.clock.advance(90_000)
      expect(service.told.flat()).not.toContain('WATCHDOG=1')
      expect(service.told.length).toBeGreaterThan(3)
      // A line break cannot begin another assignment.
      expect(service.told.at(-1)).toEqual(['STATUS=needs-login READY=1'])
    }
  })

  it('says that it stops, once, and then no more', async () => {
    using service = start()
    await service.clock.advance(1_000)
    await Promise.all([service.notifier.stopping(), service.notifier.stopping()])
    const count = service.told.length
    expect(service.told.at(-1)).toEqual(['STOPPING=1', 'STATUS=stopping'])
    await service.clock.advance(120_000)
    expect(service.told).toHaveLength(count)
  })
})

it('a process that systemd did not start tells nobody', async () => {
  using service = start({ environment: {} })
  await service.clock.advance(120_000)
  await service.notifier.stopping()
  expect(service.told).toEqual([])
})

it('speaks through systemd-notify, which is given nothing of our environment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-notify-'))
  const log = join(folder, 'log')
  writeFileSync(
    join(folder, 'systemd-notify'),
    `#!/bin/sh\necho "$* $(env | sort | tr '\\n' ' ')" >> ${log}\n`,
    {
      mode: 0o755,
    },
  )
  const environment = {
    ...WATCHED,
    PATH: `${folder}:/usr/bin:/bin`,
    ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-canary',
  }
  const notifier = startServiceNotifier({
    alive: () => Promise.resolve(),
    statusLine: () => 'ready',
    clock: systemClock,
    environment,
  })
  try {
    const text = () => readFileSync(log, { encoding: 'utf8', flag: 'a+' })
    await until(() => text().split('\n').length > 2, 'two messages')
    await notifier.stopping()
    expect(text()).toMatch(/^READY=1 STATUS=ready /)
    expect(text()).toMatch(/^WATCHDOG=1 STATUS=ready /m)
    expect(text()).toMatch(/^STOPPING=1 /m)
    expect(text()).toContain(`NOTIFY_SOCKET=${SERVICE.NOTIFY_SOCKET}`)
    expect(text()).not.toContain('TEST-canary')
  } finally {
    notifier[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  }
})

it('says once that the program is missing, and the gateway keeps running', async () => {
  const problems: string[] = []
  const notifier = startServiceNotifier({
    alive: () => Promise.resolve(),
    statusLine: () => 'ready',
    clock: systemClock,
    environment: { ...WATCHED, PATH: '/nowhere' },
    onProblem: (message) => problems.push(message),
  })
  await until(() => problems.length > 0, 'the complaint')
  await notifier.stopping()
  expect(problems).toEqual(['systemd cannot be told how the service does: systemd-notify failed (ENOENT)'])
})
