import { sinceOf, usageReport } from '../http/api/usage-api.ts'
import { costInWords } from '../usage/cost-in-words.ts'
import { cacheShareOf, inputOf, totalOf, type UsageGroup, type UsageSum } from '../usage/ledger.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { withExistingStorage, withStorage } from './context.ts'
import { print, printError, printJson, table } from './terminal/output.ts'

/** What is printed in place of an empty key. */
const NO_KEY: Readonly<Record<UsageGroup, string>> = {
  day: '',
  person: 'nobody known',
  conversation: '',
  model: '',
  tool: 'no tool',
}

/** Prints what requests to the model cost, whether a gateway is running or not. */
export async function usageCommand(
  options: GlobalOptions & { readonly since: string; readonly by: UsageGroup; readonly json: boolean },
): Promise<ExitCode> {
  const { by } = options
  const since = sinceOf(options.since, Date.now())
  if (since === null) {
    printError('--since takes a duration such as 30d, or a day such as 2026-11-01.')
    return EXIT.usage
  }
  if (options.json) {
    const found = await withExistingStorage(options, ({ ledger }) => ledger.sums({ by, since }))
    printJson(usageReport({ by, since }, found?.result ?? []))
    return EXIT.ok
  }
  const sums = await withStorage(options, ({ ledger }) => ledger.sums({ by, since }))
  if (!sums) return EXIT.failed
  if (sums.length === 0) {
    print('No requests in this time.')
    return EXIT.ok
  }
  const total = totalOf(sums)
  print(
    table([
      [by.toUpperCase(), 'REQUESTS', 'INPUT', 'FROM CACHE', 'OUTPUT', 'COST'],
      ...inOrder(by, sums).map((sum) => row(sum.key || NO_KEY[by], sum)),
      row('total', total),
    ]),
  )
  return EXIT.ok
}

/** Days as they followed each other; everything else with the dearest first. */
function inOrder(by: UsageGroup, sums: readonly UsageSum[]): readonly UsageSum[] {
  return by === 'day' ? sums : sums.toSorted((a, b) => (b.cost ?? 0) - (a.cost ?? 0))
}

function row(name: string, sum: UsageSum): string[] {
  const share = cacheShareOf(sum)
  return [
    name,
    String(sum.requests),
    String(inputOf(sum)),
    share === null ? '' : `${Math.round(share * 100)} %`,
    String(sum.outputTokens),
    costInWords(sum),
  ]
}
