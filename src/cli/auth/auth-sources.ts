import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { print, printJson, table } from '../terminal/output.ts'
import { withCredentials } from './auth-parts.ts'

/** Lists all credential sources in order of precedence: what was found, which one is in use, and why. */
export async function authSourcesCommand(
  options: GlobalOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const items = await withCredentials(options, async ({ keeper }) => keeper.decision?.reports ?? [])
  if (options.json) {
    printJson({ items })
    return EXIT.ok
  }
  print(
    table([
      ['', 'SOURCE', 'PLACE', 'FOUND', 'KIND', 'RENEWABLE', 'FINGERPRINT', 'WHY'],
      ...items.map((item) => [
        item.inUse ? { style: 'green' as const, text: '→' } : ' ',
        item.source,
        item.place,
        item.found ? 'yes' : 'no',
        item.kind ?? '–',
        item.found ? (item.renewable ? 'yes' : 'no') : '–',
        item.fingerprint ?? '–',
        item.reason,
      ]),
    ]),
  )
  return EXIT.ok
}
