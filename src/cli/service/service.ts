import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { writeFileAtomically } from '../../support/atomic-file.ts'
import { messageOf } from '../../support/errors.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { paint, print, printError, printJson } from '../terminal/output.ts'
import { askState, endsWithSession, logCommand, runAll, startCommands, stopCommands } from './manager.ts'
import { servicePlace, type ServicePlace } from './place.ts'
import { plistText } from './plist.ts'
import { MARKER, unitText } from './unit.ts'

interface ServiceOptions extends GlobalOptions {
  readonly system: boolean
}

/** Writes the unit, enables and starts it. Changes nothing that `install` did not write. */
export async function serviceInstallCommand(
  options: ServiceOptions & { readonly print: boolean },
): Promise<ExitCode> {
  const place = findPlace(options)
  if (!place) return EXIT.failed
  const text = textOf(place)
  if (options.print) {
    process.stdout.write(text)
    return EXIT.ok
  }
  const found = await readFile(place.file, 'utf8').catch(() => null)
  if (found !== null && !found.includes(MARKER)) {
    printError(`${place.file} is there already and was not written by hermes. Move it away first.`)
    return EXIT.failed
  }
  try {
    await mkdir(dirname(place.file), { recursive: true })
    await writeFileAtomically(place.file, text)
    // It holds no secret, and systemd complains of a unit that only root may read.
    await chmod(place.file, 0o644)
  } catch (error) {
    const hint = options.system && process.getuid?.() !== 0 ? ' Run it with sudo.' : ''
    printError(`${place.file} cannot be written (${messageOf(error)}).${hint}`)
    return EXIT.failed
  }
  print(`Wrote ${place.file}.`)
  // launchd takes a job once; the former one, if there is any, goes first.
  if (place.manager === 'launchd') await runAll(stopCommands(place))
  const failed = await runAll(startCommands(place))
  if (failed) {
    printError(`"${failed.command}" failed: ${failed.result.problem}`)
    printError(`the unit stays written. Look at "${logCommand(place)}" or "hermes doctor".`)
    return EXIT.failed
  }
  print(
    paint(
      'green',
      `${place.name} runs, and starts ${place.system ? 'with the machine' : 'with your session'}.`,
    ),
  )
  print(`What it says: ${logCommand(place)}`)
  await hints(place)
  return EXIT.ok
}

/** Stops the service and removes its file, where `install` wrote it. */
export async function serviceUninstallCommand(options: ServiceOptions): Promise<ExitCode> {
  const place = findPlace(options)
  if (!place) return EXIT.failed
  const found = await readFile(place.file, 'utf8').catch(() => null)
  if (found === null) {
    print(`No service of ${place.home} is installed (${place.file} is not there).`)
    return EXIT.ok
  }
  if (!found.includes(MARKER)) {
    printError(`${place.file} was not written by hermes and is left alone.`)
    return EXIT.failed
  }
  const failed = await runAll(stopCommands(place))
  if (failed) printError(`"${failed.command}" failed: ${failed.result.problem}`)
  try {
    await rm(place.file)
  } catch (error) {
    printError(`${place.file} cannot be removed (${messageOf(error)}).`)
    return EXIT.failed
  }
  if (place.manager === 'systemd') await runAll(startCommands(place).slice(0, 1))
  print(`${place.name} is gone. The home ${place.home} stays as it is.`)
  return failed ? EXIT.failed : EXIT.ok
}

export async function serviceStatusCommand(
  options: ServiceOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const place = findPlace(options)
  if (!place) return EXIT.failed
  const text = await readFile(place.file, 'utf8').catch(() => null)
  const installed = text !== null && text.includes(MARKER)
  const { state, enabled, problem } = await askState(place)
  const running = state === 'active' || state === 'running'
  if (options.json) {
    const { manager, name, file, home, system } = place
    printJson({ manager, name, system, file, home, installed, enabled, state, problem })
  } else if (!installed) {
    print(`No service of ${place.home} is installed. Install it with "hermes service install".`)
  } else {
    print(
      `${place.name}: ${paint(running ? 'green' : 'red', state ?? 'unknown')}${enabled ? '' : ', not enabled'}`,
    )
    if (problem !== null) printError(problem)
    if (text !== textOf(place))
      print('Its file differs from what would be written now: hermes service install')
    print(`What it says: ${logCommand(place)}`)
  }
  return installed && running ? EXIT.ok : EXIT.failed
}

export function textOf(place: ServicePlace): string {
  return place.manager === 'systemd' ? unitText(place.unit) : plistText(place.name, place.unit, place.log)
}

function findPlace({ home, system }: ServiceOptions): ServicePlace | null {
  const place = servicePlace({ home, system, processEnv: process.env })
  if (!place) printError('a service can be installed on Linux with systemd and on macOS.')
  return place
}

async function hints(place: ServicePlace): Promise<void> {
  const { username } = userInfo()
  if (await endsWithSession(place, username)) {
    print(paint('yellow', 'It ends when you log out. To keep it: ') + `loginctl enable-linger ${username}`)
  }
  if (/[/\\]_npx[/\\]/.test(place.unit.program)) {
    print(
      paint('yellow', 'It runs from the cache of npx, which may be cleared. Better: ') +
        'npm install -g hermes-gateway',
    )
  }
}
