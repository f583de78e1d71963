import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { askState, endsWithSession, logCommand } from '../service/manager.ts'
import { servicePlace } from '../service/place.ts'
import { textOf } from '../service/service.ts'
import { MARKER } from '../service/unit.ts'
import { error, ok, warning, type Finding } from './finding.ts'

/** The installed services of this home, your own and the machine's. */
export async function checkService(home: string, processEnv: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const found = await Promise.all([false, true].map((system) => checkOne(home, system, processEnv)))
  const findings = found.flat()
  return findings.length > 0 ? findings : [ok('service', 'No service is installed')]
}

async function checkOne(home: string, system: boolean, processEnv: NodeJS.ProcessEnv): Promise<Finding[]> {
  const place = servicePlace({ home, system, processEnv })
  const text = place && (await readFile(place.file, 'utf8').catch(() => null))
  if (!place || !text?.includes(MARKER)) return []
  const install = `${system ? 'sudo ' : ''}hermes service install${system ? ' --system' : ''}`
  const programs = [...text.matchAll(/^ExecStart=(\S+) (\S+)/gm)].flatMap(([, node, program]) => [
    node!,
    program!,
  ])
  const gone = programs.find((path) => path.startsWith('/') && !existsSync(path))
  if (gone !== undefined) return [error('service', `${place.name} starts ${gone}, which is gone.`, install)]
  const { state, enabled, problem } = await askState(place)
  if (state === null)
    return [warning('service', `${place.name} is installed; its state cannot be asked (${problem}).`, null)]
  if (state !== 'active' && state !== 'running') {
    return [error('service', `${place.name} is installed and ${state}.`, logCommand(place))]
  }
  const findings = [ok('service', `${place.name} is ${state}`)]
  if (!enabled) findings.push(warning('service', `${place.name} would not start again by itself.`, install))
  if (text !== textOf(place)) {
    findings.push(warning('service', `${place.file} differs from what would be written now.`, install))
  }
  const { username } = userInfo()
  if (await endsWithSession(place, username)) {
    findings.push(
      warning('service', `${place.name} ends when you log out.`, `loginctl enable-linger ${username}`),
    )
  }
  return findings
}
