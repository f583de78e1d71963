import { EXIT, type ExitCode } from './exit-codes.ts'
import { requireApi } from './context.ts'
import { print } from './terminal/output.ts'
import type { GlobalOptions } from './command.ts'

export async function dashboardCommand(
  options: GlobalOptions & { readonly scope: 'chat' | 'metrics' | undefined },
): Promise<ExitCode> {
  const api = await requireApi(options)
  if (!api) return EXIT.failed
  if (options.scope) {
    const { token } = await api.call<{ token: string }>('POST', '/api/tokens', { scope: options.scope })
    print(token)
    return EXIT.ok
  }
  const { url } = await api.call<{ url: string }>('POST', '/api/tickets')
  print(url)
  return EXIT.ok
}
