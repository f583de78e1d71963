import { checkAccount, type AccountCheck } from '../../channels/matrix/api/account-check.ts'
import type { Settings } from '../../config/settings.ts'
import { NETWORK_LIMIT_MS } from './check-network.ts'
import { editCommand, error, ok, warning, word, type Finding } from './finding.ts'

export async function checkMatrix(settings: Settings): Promise<readonly Finding[]> {
  const { matrix } = settings.channels
  if (!matrix.enabled || matrix.accessToken === null || matrix.apiRoot === null) return []
  const { apiRoot } = matrix
  const check = await checkAccount(
    { token: matrix.accessToken, apiRoot },
    AbortSignal.timeout(NETWORK_LIMIT_MS),
  )
  return [judgeAccount(check, apiRoot), ...judgeAccess(matrix, settings.paths.env)]
}

/** What the homeserver said of the bot's account, and what mends it. */
export function judgeAccount(check: AccountCheck, apiRoot: string): Finding {
  switch (check.kind) {
    case 'fine': {
      const speaks = check.version === null ? '' : `, which speaks Matrix ${check.version}`
      return ok(
        'matrix',
        `${apiRoot}${speaks}, knows the bot as ${check.account.userId}. It reads rooms without end-to-end encryption only.`,
      )
    }
    case 'bad-token':
      return error(
        'matrix.token',
        `The homeserver does not take MATRIX_ACCESS_TOKEN (${check.words}). Log the bot in again and set the new one.`,
        `curl -sS -X POST ${word(`${apiRoot}/_matrix/client/v3/login`)} --data @login.json`,
      )
    case 'unreachable':
      return error(
        'matrix.reach',
        `The homeserver cannot be asked: ${check.words}.`,
        `curl -sS ${word(`${apiRoot}/_matrix/client/versions`)}`,
      )
    case 'elsewhere':
      return error(
        'matrix.address',
        check.where === null
          ? `There is no homeserver at ${apiRoot} (${check.words}). MATRIX_HOMESERVER is the address of its client API.`
          : `The homeserver of ${apiRoot} is at ${check.where}: set MATRIX_HOMESERVER to that.`,
        `curl -sS ${word(`${apiRoot}/.well-known/matrix/client`)}`,
      )
  }
}

/** A bot that answers nobody works, but hardly as it was meant. */
function judgeAccess(matrix: Settings['channels']['matrix'], envFile: string): readonly Finding[] {
  if (matrix.allowAllUsers) {
    const message = 'Everybody who finds the bot on Matrix may talk to it, at your expense.'
    return [warning('matrix.access', message, editCommand(envFile))]
  }
  const known = [matrix.allowedUsers, matrix.operators, matrix.groupAllowedChats]
  if (known.some((list) => list.length > 0)) return []
  const message =
    'Nobody may talk to the bot on Matrix, and it declines every invitation: set MATRIX_ALLOWED_USERS.'
  return [warning('matrix.access', message, editCommand(envFile))]
}
