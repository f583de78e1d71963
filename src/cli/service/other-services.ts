import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ServiceDefinition } from './service-definition.ts'

/** A service of Hermes Agent, which may have the name of ours. */
export interface OtherService {
  readonly name: string
  readonly file: string
  /** The command that stops it, now and for good. */
  readonly stop: string
}

/** What it calls them, the ones of its profiles and of its first versions included. */
const SYSTEMD_NAMES = /^hermes(?:-gateway[\w@.-]*)?\.service$/
const LAUNCHD_NAMES = /^(?:ai\.hermes\.gateway|hermes-gateway)[\w.-]*\.plist$/
/** The module that they start; a unit that somebody wrote by hand for this program has another. */
const ITS_MODULE = /\bhermes_cli\b/

/** The services of Hermes Agent in the folder of `service`. Never rejects. */
export async function findOtherServices(service: ServiceDefinition): Promise<readonly OtherService[]> {
  const isSystemd = service.manager === 'systemd'
  const folder = dirname(service.file)
  const names = (await readdir(folder).catch(() => [])).filter((name) =>
    (isSystemd ? SYSTEMD_NAMES : LAUNCHD_NAMES).test(name),
  )
  const found: OtherService[] = []
  for (const entry of names.toSorted()) {
    const file = join(folder, entry)
    const text = await readFile(file, 'utf8').catch(() => '')
    if (!ITS_MODULE.test(text)) continue
    const name = entry.replace(/\.plist$/, '')
    found.push({ name, file, stop: isSystemd ? stopUnit(service, name) : stopJob(service, name) })
  }
  return found
}

function stopUnit({ system }: ServiceDefinition, name: string): string {
  return `${system ? 'sudo systemctl' : 'systemctl --user'} disable --now ${name}`
}

function stopJob({ system }: ServiceDefinition, name: string): string {
  const job = `${system ? 'system' : 'gui/$UID'}/${name}`
  const launchctl = system ? 'sudo launchctl' : 'launchctl'
  return `${launchctl} bootout ${job}; ${launchctl} disable ${job}`
}
