import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { withStorage } from './context.ts'
import { confirm, plural, print, printError, printJson } from './terminal/output.ts'

interface PersonOptions extends GlobalOptions {
  readonly channel: string
  readonly user: string
}

export async function dataExportCommand(options: PersonOptions): Promise<ExitCode> {
  const data = await withStorage(options, ({ conversations }) =>
    conversations.exportPerson(options.channel, options.user),
  )
  if (data === null) return EXIT.failed
  printJson(data)
  return EXIT.ok
}

export async function dataDeleteCommand(
  options: PersonOptions & { readonly yes: boolean },
): Promise<ExitCode> {
  const who = `${options.channel} ${options.user}`
  if (!options.yes && !(await confirm(`Delete everything stored about ${who}? This cannot be undone.`))) {
    printError('nothing was deleted. Pass --yes to confirm.')
    return EXIT.usage
  }
  const removed = await withStorage(options, ({ conversations }) =>
    conversations.deletePerson(options.channel, options.user),
  )
  if (removed === null) return EXIT.failed
  print(`Deleted ${plural(removed, 'message')} of ${who}, with answers and attachments.`)
  return EXIT.ok
}

export async function backupCommand(options: GlobalOptions & { readonly file: string }): Promise<ExitCode> {
  const file = resolve(options.file)
  if (existsSync(file)) {
    printError(`${file} already exists; backups never overwrite a file.`)
    return EXIT.failed
  }
  const done = await withStorage(options, async (storage) => {
    await storage.backup(file)
    return true
  })
  if (!done) return EXIT.failed
  print(`Backup written to ${file} (conversations and queue, no sign-ins).`)
  return EXIT.ok
}
