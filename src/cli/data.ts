import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Uploads } from '../channels/web/uploads.ts'
import { listCopies } from '../storage/database-copies.ts'
import { systemClock } from '../support/clock.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { resolvePaths, withStorage } from './context.ts'
import { confirm, plural, print, printError, printJson } from './terminal/output.ts'

/** Uploads that no message has taken yet are on the disk. */
const WEB = 'web'

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
  const { home } = resolvePaths(options)
  if (options.channel === WEB)
    await new Uploads(join(home, 'uploads'), systemClock).deletePerson(options.user)
  print(`Deleted ${plural(removed, 'message')} of ${who}, with answers and attachments.`)
  await offerCopies(home, !options.yes)
  return EXIT.ok
}

/** Names the older copies of the database, which still hold what was deleted, and removes them if told to. */
async function offerCopies(home: string, ask: boolean): Promise<void> {
  const copies = await listCopies(home)
  if (copies.length === 0) return
  print(`\nOlder copies of the database are unchanged:\n${copies.map((copy) => `  ${copy}`).join('\n')}`)
  if (ask && (await confirm('Remove these copies?'))) {
    for (const copy of copies) await rm(copy)
    print('Removed the copies.')
  } else print('Delete them when you no longer need them; backups that you made are yours to find.')
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
