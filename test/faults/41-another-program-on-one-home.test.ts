import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { freePort } from '../support/processes/free-port.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { afterThisTest } from '../support/provider/signed-in.ts'
import { until } from '../support/until.ts'

/** A process that looks like Hermes Agent's gateway, until the end of the test. */
function hermesAgent(): ChildProcess {
  const script = 'setInterval(() => {}, 1_000)'
  const child = spawn(process.execPath, ['-e', script, 'hermes_cli.main', 'gateway', 'run'], {
    argv0: 'python3',
    stdio: 'ignore',
  })
  afterThisTest(() => void child.kill('SIGKILL'))
  return child
}

/** As it is written into `gateway.lock` and `gateway.pid`. */
const recordOf = ({ pid }: ChildProcess) =>
  JSON.stringify({ pid, kind: 'hermes-gateway', argv: ['hermes', 'gateway', 'run'], start_time: 123 })

async function doctor(gateway: GatewayProcess) {
  const { stdout } = await gateway.run(['doctor', '--json'])
  const { items } = JSON.parse(stdout) as {
    items: ReadonlyArray<{ id: string; level: string; message: string; mend: string | null }>
  }
  return items.map(({ mend, ...item }) => ({ ...item, fix: mend }))
}

const start = async (gateway: GatewayProcess) => gateway.run(['gateway', '--port', String(await freePort())])

test.each([
  ['gateway.lock', recordOf],
  ['gateway.pid', recordOf],
  ['gateway.pid', ({ pid }: ChildProcess) => `${pid}\n`],
])(
  'a home on which another program’s gateway runs is left to it, by what it wrote into %s',
  PROCESS_TEST,
  async (name, write) => {
    await using gateway = await GatewayProcess.prepare()
    const other = hermesAgent()
    const file = join(gateway.home, name)
    writeFileSync(file, write(other))
    const { code, stderr } = await start(gateway)
    expect(stderr).toContain(`Another program's gateway (process ${other.pid}) runs on ${gateway.home}`)
    expect(stderr).toContain(`Stop it first: kill ${other.pid}`)
    expect(code).toBe(1)
    expect(readFileSync(file, 'utf8')).toBe(write(other))
    expect(existsSync(join(gateway.home, 'hermes.db'))).toBe(false)
    expect((await doctor(gateway)).find(({ id }) => id === 'gateway.other')).toMatchObject({
      level: 'error',
      message: expect.stringContaining(`process ${other.pid}`),
      fix: `kill ${other.pid}`,
    })
    // A service manager would start it again.
    const units = join(gateway.home, '.config/systemd/user')
    mkdirSync(units, { recursive: true })
    const unit =
      '[Service]\nExecStart=/home/ada/.venv/bin/python -m hermes_cli.main gateway run\nRestart=always\n'
    writeFileSync(join(units, 'hermes-gateway.service'), unit)
    expect((await start(gateway)).stderr).toContain('systemctl --user disable --now hermes-gateway.service')

    other.kill('SIGKILL')
    await until(() => other.exitCode !== null || other.signalCode !== null, 'the end of the other program')
    await gateway.start()
    expect((await gateway.readiness()).state).toBe('needs-login')
  },
)

test(
  'what another program left behind is said by the doctor, kept, and in nobody’s way',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.prepare()
    // Its process id is somebody else's by now.
    const left = JSON.stringify({ pid: process.pid, kind: 'hermes-gateway', argv: [], start_time: 1 })
    for (const name of ['gateway.lock', 'gateway.pid']) writeFileSync(join(gateway.home, name), left)
    expect((await doctor(gateway)).find(({ id }) => id === 'lock')).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('gateway.lock was written by another program'),
    })
    await gateway.start()
    expect(readFileSync(join(gateway.home, 'gateway.lock.foreign'), 'utf8')).toBe(left)
    expect(readFileSync(join(gateway.home, 'gateway.pid'), 'utf8')).toBe(left)
    expect(gateway.stderr).toContain('gateway.lock.foreign')
  },
)

describe.skipIf(process.platform !== 'linux')('by the locks of the kernel (only Linux lists them)', () => {
  test('a lock of another kind shows a gateway whose process cannot be seen', PROCESS_TEST, async () => {
    await using gateway = await GatewayProcess.prepare()
    const lock = join(gateway.home, 'gateway.lock')
    writeFileSync(lock, '{"pid": 1, "kind": "hermes-gateway"}')
    const holder = spawn('flock', [lock, 'sleep', '120'], { stdio: 'ignore', detached: true })
    afterThisTest(() => void process.kill(-holder.pid!, 'SIGKILL'))
    await until(
      () => readFileSync('/proc/locks', 'utf8').includes(` FLOCK  ADVISORY  WRITE ${holder.pid} `),
      'the lock',
    )
    const { code, stderr } = await start(gateway)
    expect(stderr).toContain(`Another program's gateway (process ${holder.pid}) runs on`)
    expect(code).toBe(1)
  })

  test('our own lock holds although another program has written over its file', PROCESS_TEST, async () => {
    await using gateway = await GatewayProcess.start()
    writeFileSync(join(gateway.home, 'gateway.lock'), '{"pid": 4194303, "kind": "hermes-gateway"}')
    const second = await start(gateway)
    expect(second.stderr).toContain(`a gateway is already running for ${gateway.home}`)
    expect(second.code).toBe(1)
    expect(JSON.parse((await gateway.run(['status', '--json'])).stdout)).toMatchObject({
      gateway: { running: true },
    })
  })
})
