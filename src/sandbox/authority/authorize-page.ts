import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody, sendHtml, sendText } from '../http.ts'
import type { World } from '../world.ts'
import { DEFAULT_ACCOUNT } from './authority.ts'
import {
  isManual,
  readAuthorizationRequest,
  type Approver,
  type AuthorizationRequest,
} from './authorization.ts'
import { page, escapeHtml } from './html.ts'

export const AUTHORIZE_PATH = '/oauth/authorize'
export const CALLBACK_PATH = '/oauth/code/callback'

const OTHER_ACCOUNT: Approver = {
  accountId: '5a11d0c5-0000-4000-8000-000000000002',
  email: 'somebody.else@sandbox.example',
}
const ACCOUNTS: readonly Approver[] = [DEFAULT_ACCOUNT, OTHER_ACCOUNT]
/** The parameters of an authorize address are some hundred bytes. */
const MAX_FORM_BYTES = 16 * 1024

/** `GET /oauth/authorize`: asks the person. */
export function showAuthorize(res: ServerResponse, params: URLSearchParams): void {
  const request = readAuthorizationRequest(params)
  if (typeof request === 'string') return refuse(res, request)
  const hidden = [...params]
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join('')
  const accounts = ACCOUNTS.map(
    ({ email }, index) =>
      `<label><input type="radio" name="account" value="${index}"${index === 0 ? ' checked' : ''}> ${email}</label>`,
  ).join('')
  sendHtml(
    res,
    200,
    page(
      'Sign in to the sandbox',
      `<p><strong>${escapeHtml(request.clientId)}</strong> asks to use your simulated account for:</p>
<ul>${request.scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join('')}</ul>
<form method="post" action="${AUTHORIZE_PATH}">${hidden}<fieldset><legend>Account</legend>${accounts}</fieldset>
<p><button name="decision" value="approve">Approve</button>
<button name="decision" value="deny" class="quiet">Deny</button></p></form>`,
    ),
  )
}

/** `POST /oauth/authorize`: the person's decision leads back to the client, or to the page with the code. */
export async function decideAuthorize(
  world: World,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const body = await readBody(req, MAX_FORM_BYTES)
  const params = new URLSearchParams(body?.toString() ?? '')
  const request = readAuthorizationRequest(params)
  if (typeof request === 'string') return refuse(res, request)
  if (params.get('decision') !== 'approve') {
    return goBack(res, world, request, { error: 'access_denied', state: request.state })
  }
  const approver = ACCOUNTS[Number(params.get('account') ?? 0)] ?? DEFAULT_ACCOUNT
  const code = approve(world, request, approver)
  goBack(res, world, request, { code, state: request.state })
}

/** Gives the code that `approver` would have got on the page. */
export function approve(world: World, request: AuthorizationRequest, approver: Approver): string {
  world.events.add({ kind: 'authorized', account: approver.accountId })
  return world.codes.issue(request, approver)
}

/** `GET /oauth/code/callback`: shows `code#state` for copying. */
export function showCode(res: ServerResponse, params: URLSearchParams): void {
  const code = params.get('code')
  if (!code) {
    const why = escapeHtml(params.get('error') ?? 'no code')
    return sendHtml(
      res,
      400,
      page('Not signed in', `<p>The sign-in ended without a code: <code>${why}</code></p>`),
    )
  }
  const paste = escapeHtml(`${code}#${params.get('state') ?? ''}`)
  sendHtml(
    res,
    200,
    page(
      'Your sign-in code',
      `<p>Copy this whole line and paste it where you started the sign-in:</p><pre id="code">${paste}</pre>`,
    ),
  )
}

function goBack(
  res: ServerResponse,
  world: World,
  request: AuthorizationRequest,
  params: Readonly<Record<string, string>>,
): void {
  // The usual manual address belongs to the real service; the sandbox shows the code on a page of its own.
  const target = new URL(
    isManual(request.redirectUri) ? `${world.url()}${CALLBACK_PATH}` : request.redirectUri,
  )
  for (const [name, value] of Object.entries(params)) target.searchParams.set(name, value)
  sendText(res, 303, '', 'text/plain', { location: target.href })
}

function refuse(res: ServerResponse, why: string): void {
  const text = `<p>This sign-in address is not complete: ${escapeHtml(why)}.</p>`
  sendHtml(res, 400, page('Invalid request', text))
}
