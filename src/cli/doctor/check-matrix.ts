import { checkAccount, type AccountCheck } from '../../channels/matrix/api/account-check.ts'
import type { Settings } from '../../config/settings.ts'
import { NETWORK_LIMIT_MS } from './check-addresses.ts'
import { editCommand, error, ok, warning, quoteForShell, type Finding } from './finding.ts'

export async function checkMatrix(settings: Settings): Promise<readonly Finding[]> {
  const { matrix } = settings.channels
  if (!matrix.enabled || matrix.accessToken === null || matrix.apiRoot === null) return []
  const { apiRoot } = matrix
  const check = await checkAccount(
    { token: matrix.accessToken, apiRoot },
    AbortSignal.timeout(NETWORK_LIMIT_MS),
  )
  return [accountFinding(check, apiRoot), ...accessFindings(matrix, settings.paths.env)]
}

/** Turns the homeserver's reply into a finding. */
export function accountFinding(check: AccountCheck, apiRoot: string): Finding {
  switch (check.kind) {
    case 'fine': {
      const version = check.version === null ? '' : ` (Matrix ${check.version})`
      return ok(
        'matrix',
        `${apiRoot}${version} accepts the token of ${check.account.userId}. The bot can only read rooms without end-to-end encryption.`,
      )
    }
    case 'bad-token':
      return error(
        'matrix.token',
        `The homeserver rejects MATRIX_ACCESS_TOKEN (${check.words}). Log the bot in again and set the new token.`,
        `curl -sS -X POST ${quoteForShell(`${apiRoot}/_matrix/client/v3/login`)} --data @login.json`,
      )
    case 'unreachable':
      return error(
        'matrix.reach',
        `Cannot reach the homeserver: ${check.words}.`,
        `curl -sS ${quoteForShell(`${apiRoot}/_matrix/client/versions`)}`,
      )
    case 'elsewhere':
      return error(
        'matrix.address',
        check.where === null
          ? `There is no homeserver at ${apiRoot} (${check.words}). Set MATRIX_HOMESERVER to the address of its client API.`
          : `The homeserver of ${apiRoot} is at ${check.where}: set MATRIX_HOMESERVER to that.`,
        `curl -sS ${quoteForShell(`${apiRoot}/.well-known/matrix/client`)}`,
      )
  }
}

/** Warns about a bot that answers nobody, or everybody. */
function accessFindings(matrix: Settings['channels']['matrix'], envFile: string): readonly Finding[] {
  if (matrix.allowAllUsers) {
    const message = 'Anybody who finds the bot on Matrix may use it, at your expense.'
    return [warning('matrix.access', message, editCommand(envFile))]
  }
  const known = [matrix.allowedUsers, matrix.operators, matrix.groupAllowedChats]
  if (known.some((list) => list.length > 0)) return []
  const message =
    'The Matrix allowlist is empty, so the bot declines every invitation: set MATRIX_ALLOWED_USERS.'
  return [warning('matrix.access', message, editCommand(envFile))]
}
