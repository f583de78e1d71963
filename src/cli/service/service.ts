import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { messageOf } from '../../support/errors.ts'
import { writeFileAtomically } from '../../support/files/private-file.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { paint, print, printError, printJson } from '../terminal/output.ts'
import { readState, endsWithSession, logCommand, runAll, startCommands, stopCommands } from './manager.ts'
import { findOtherServices } from './other-services.ts'
import { plistText } from './plist.ts'
import { serviceDefinition, type ServiceDefinition } from './service-definition.ts'
import { MARKER, unitText } from './unit.ts'

interface ServiceOptions extends GlobalOptions {
  readonly system: boolean
}

/** Writes the unit file, enables and starts the service. Never overwrites a file that `install` did not write. */
export async function serviceInstallCommand(
  options: ServiceOptions & { readonly print: boolean },
): Promise<ExitCode> {
  const service = findDefinition(options)
  if (!service) return EXIT.failed
  const text = unitFileText(service)
  if (options.print) {
    process.stdout.write(text)
    return EXIT.ok
  }
  const found = await readFile(service.file, 'utf8').catch(() => null)
  if (found !== null && !found.includes(MARKER)) {
    printError(`${service.file} already exists and was not written by hermes. Move it away first.`)
    const other = (await findOtherServices(service)).find(({ file }) => file === service.file)
    if (other) printError(`It is another program's, which may run: ${other.stop}`)
    return EXIT.failed
  }
  try {
    await mkdir(dirname(service.file), { recursive: true })
    await writeFileAtomically(service.file, text)
    // It contains no secret, and systemd complains about a unit that only root can read.
    await chmod(service.file, 0o644)
  } catch (error) {
    const hint = options.system && process.getuid?.() !== 0 ? ' Run the command with sudo.' : ''
    printError(`cannot write ${service.file} (${messageOf(error)}).${hint}`)
    return EXIT.failed
  }
  print(`Wrote ${service.file}.`)
  // launchd refuses to load a job twice: unload the previous one first.
  if (service.manager === 'launchd') await runAll(stopCommands(service))
  const failed = await runAll(startCommands(service))
  if (failed) {
    printError(`"${failed.command}" failed: ${failed.result.problem}`)
    printError(`the unit file was kept. See "${logCommand(service)}" or "hermes doctor".`)
    return EXIT.failed
  }
  print(
    paint(
      'green',
      `${service.name} is running and starts ${service.system ? 'at boot' : 'with your session'}.`,
    ),
  )
  print(`Logs: ${logCommand(service)}`)
  await printHints(service)
  return EXIT.ok
}

/** Stops the service and removes its file, if `install` wrote it. */
export async function serviceUninstallCommand(options: ServiceOptions): Promise<ExitCode> {
  const service = findDefinition(options)
  if (!service) return EXIT.failed
  const found = await readFile(service.file, 'utf8').catch(() => null)
  if (found === null) {
    print(`No service is installed for ${service.home} (${service.file} does not exist).`)
    return EXIT.ok
  }
  if (!found.includes(MARKER)) {
    printError(`${service.file} was not written by hermes and was not changed.`)
    return EXIT.failed
  }
  const failed = await runAll(stopCommands(service))
  if (failed) printError(`"${failed.command}" failed: ${failed.result.problem}`)
  try {
    await rm(service.file)
  } catch (error) {
    printError(`cannot remove ${service.file} (${messageOf(error)}).`)
    return EXIT.failed
  }
  if (service.manager === 'systemd') await runAll(startCommands(service).slice(0, 1))
  print(`Removed ${service.name}. The home ${service.home} was not changed.`)
  return failed ? EXIT.failed : EXIT.ok
}

export async function serviceStatusCommand(
  options: ServiceOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const service = findDefinition(options)
  if (!service) return EXIT.failed
  const text = await readFile(service.file, 'utf8').catch(() => null)
  const installed = text !== null && text.includes(MARKER)
  const { state, enabled, problem } = await readState(service)
  const running = state === 'active' || state === 'running'
  if (options.json) {
    const { manager, name, file, home, system } = service
    printJson({ manager, name, system, file, home, installed, enabled, state, problem })
  } else if (!installed) {
    print(`No service is installed for ${service.home}. Install it with "hermes service install".`)
  } else {
    print(
      `${service.name}: ${paint(running ? 'green' : 'red', state ?? 'unknown')}${enabled ? '' : ', not enabled'}`,
    )
    if (problem !== null) printError(problem)
    if (text !== unitFileText(service))
      print('The unit file is out of date. Update it with "hermes service install".')
    print(`Logs: ${logCommand(service)}`)
  }
  return installed && running ? EXIT.ok : EXIT.failed
}

export function unitFileText(service: ServiceDefinition): string {
  return service.manager === 'systemd'
    ? unitText(service.unit)
    : plistText(service.name, service.unit, service.log)
}

function findDefinition({ home, system }: ServiceOptions): ServiceDefinition | null {
  const service = serviceDefinition({ home, system, processEnv: process.env })
  if (!service) printError('services are supported on Linux with systemd and on macOS.')
  return service
}

async function printHints(service: ServiceDefinition): Promise<void> {
  const { username } = userInfo()
  if (await endsWithSession(service, username)) {
    print(
      paint('yellow', 'The service stops when you log out. To keep it running: ') +
        `loginctl enable-linger ${username}`,
    )
  }
  if (/[/\\]_npx[/\\]/.test(service.unit.program)) {
    print(
      paint('yellow', 'The service runs from the npx cache, which may be cleared. Better: ') +
        'npm install -g hermes-gateway',
    )
  }
}
