import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { readState, endsWithSession, logCommand } from '../service/manager.ts'
import { findOtherServices } from '../service/other-services.ts'
import { serviceDefinition, type ServiceDefinition } from '../service/service-definition.ts'
import { unitFileText } from '../service/service.ts'
import { MARKER } from '../service/unit.ts'
import { error, moveAwayCommand, ok, skipped, warning, type Finding } from './finding.ts'

/** Checks the services installed for this home, the user's and the system's. */
export async function checkService(home: string, processEnv: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const found = await Promise.all([false, true].map((system) => checkOne(home, system, processEnv)))
  const findings = found.flat()
  return findings.length > 0 ? findings : [skipped('service', 'Not installed as a service')]
}

async function checkOne(home: string, system: boolean, processEnv: NodeJS.ProcessEnv): Promise<Finding[]> {
  const service = serviceDefinition({ home, system, processEnv })
  if (!service) return []
  return [...(await checkOurs(service)), ...(await checkOthers(service))]
}

/** The services of the program whose names ours has. */
async function checkOthers(service: ServiceDefinition): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { name, file, stop } of await findOtherServices(service)) {
    const { state } = await readState({ ...service, name })
    if (state === 'active' || state === 'running')
      findings.push(
        warning('service.other', `${name} runs another program's gateway: on one account both answer.`, stop),
      )
    else if (file === service.file)
      findings.push(
        warning('service.other', `${file} is another program's, which runs no more.`, moveAwayCommand(file)),
      )
  }
  return findings
}

async function checkOurs(service: ServiceDefinition): Promise<Finding[]> {
  const { system } = service
  const text = await readFile(service.file, 'utf8').catch(() => null)
  if (!text?.includes(MARKER)) return []
  const install = `${system ? 'sudo ' : ''}hermes service install${system ? ' --system' : ''}`
  const programs = [...text.matchAll(/^ExecStart=(\S+) (\S+)/gm)].flatMap(([, node, program]) => [
    node!,
    program!,
  ])
  const gone = programs.find((path) => path.startsWith('/') && !existsSync(path))
  if (gone !== undefined)
    return [error('service', `${service.name} starts ${gone}, which does not exist.`, install)]
  const { state, enabled, problem } = await readState(service)
  if (state === null)
    return [warning('service', `${service.name} is installed, but its state is unknown (${problem}).`, null)]
  if (state !== 'active' && state !== 'running') {
    return [error('service', `${service.name} is installed, but ${state}.`, logCommand(service))]
  }
  const findings = [ok('service', `${service.name} is ${state}`)]
  if (!enabled)
    findings.push(
      warning('service', `${service.name} is not enabled: it will not start after a reboot.`, install),
    )
  if (text !== unitFileText(service)) {
    findings.push(warning('service', `${service.file} is out of date.`, install))
  }
  const { username } = userInfo()
  if (await endsWithSession(service, username)) {
    findings.push(
      warning('service', `${service.name} stops when you log out.`, `loginctl enable-linger ${username}`),
    )
  }
  return findings
}
