import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { SECOND } from '../support/clock.ts'
import { isObject } from '../support/files/private-file.ts'
import { isForeignLock, lockFile, lockHolder } from './home-lock.ts'
import { findOtherServices } from './service/other-services.ts'
import { runTool } from './service/run-tool.ts'
import { serviceDefinition } from './service/service-definition.ts'

/** A gateway of Hermes Agent that runs on the same home: both would answer, or each would get half of the messages. */
export interface OtherGateway {
  /** What runs, for people, without a full stop. */
  readonly sentence: string
  /** The command that stops it. */
  readonly stop: string
}

/** It writes into both which process it is. @see https://github.com/NousResearch/hermes-agent gateway/status.py */
const PROCESS_FILE = 'gateway.pid'
/** A record is one line. */
const MAX_RECORD_BYTES = 4096
/** Started as `python -m hermes_cli.main gateway run`, or by the script `hermes`. A gateway of ours is no Python program. */
const ITS_PROGRAMS = ['hermes_cli', '/hermes gateway']
const ASK_MS = 2 * SECOND

/** @returns null = there is none */
export async function findOtherGateway(home: string): Promise<OtherGateway | null> {
  const lock = lockFile(home)
  const holder = isForeignLock(lock) ? lockHolder(lock) : null
  // Its kind of lock is freed with its process.
  const isLocked = holder?.kind === 'other'
  const pid = isLocked ? holder.pid : await livePid([lock, join(home, PROCESS_FILE)])
  if (!isLocked && pid === null) return null
  const which = pid === null ? 'a process of another container' : `process ${pid}`
  return {
    sentence: `Another program's gateway (${which}) runs on ${home}, and both would answer`,
    stop: (await stopOfService(home)) ?? (pid === null ? 'docker stop CONTAINER' : `kill ${pid}`),
  }
}

/** The process that one of these files names, if it lives and is what wrote them. */
async function livePid(files: readonly string[]): Promise<number | null> {
  for (const file of files) {
    const pid = recordedPid(file)
    const line = pid === null ? null : await commandLineOf(pid)
    if (line?.includes('python') && ITS_PROGRAMS.some((name) => line.includes(name))) return pid
  }
  return null
}

/** `{"pid": 4242, "kind": "hermes-gateway", …}`, or the number alone. */
function recordedPid(file: string): number | null {
  try {
    if (statSync(file).size > MAX_RECORD_BYTES) return null
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const pid = isObject(value) ? value['pid'] : value
    return Number.isSafeInteger(pid) && (pid as number) > 1 ? (pid as number) : null
  } catch {
    return null
  }
}

/** null = there is no such process, or it is not for us to see. */
async function commandLineOf(pid: number): Promise<string | null> {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    const { code, stdout } = await runTool('ps', ['-p', String(pid), '-o', 'command='], ASK_MS)
    return code === 0 ? stdout : null
  }
}

/** A service manager would start again what is only killed. */
async function stopOfService(home: string): Promise<string | null> {
  for (const system of [false, true]) {
    const service = serviceDefinition({ home, system, processEnv: process.env })
    const [found] = service ? await findOtherServices(service) : []
    if (found) return found.stop
  }
  return null
}
