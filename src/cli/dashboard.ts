import type { IssuedToken, IssueToken, PageAddress } from '../http/wire.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { requireApi } from './context.ts'
import { print } from './terminal/output.ts'

export async function dashboardCommand(
  options: GlobalOptions & { readonly scope: 'chat' | 'metrics' | undefined },
): Promise<ExitCode> {
  const api = await requireApi(options)
  if (!api) return EXIT.failed
  if (options.scope) {
    const { token } = await api.call<IssuedToken>('POST', '/api/tokens', {
      scope: options.scope,
    } satisfies IssueToken)
    print(token)
    return EXIT.ok
  }
  const { url } = await api.call<PageAddress>('POST', '/api/tickets')
  print(url)
  return EXIT.ok
}
