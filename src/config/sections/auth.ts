import { VERSION } from '../../support/package.ts'
import { anyOf, argv, list, orNull, record } from '../shape/compound.ts'
import { address, anyText, flag, text, word } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'
import { transform } from '../shape/shape.ts'

// Taken from shipped packages and public threads, not documented: an organisation with
// its own OAuth client or proxy replaces them.
const oauth = group('How an account is signed in. Replace it to use an OAuth client or proxy of your own.', {
  authorize_url: key(
    address,
    'https://claude.com/cai/oauth/authorize',
    'The page on which a person signs in.',
  ),
  token_urls: key(
    list(address, { least: 'a list with something in it' }),
    [
      'https://platform.claude.com/v1/oauth/token',
      // The old host, known to answer 500: a last resort.
      'https://console.anthropic.com/v1/oauth/token',
    ],
    'Token endpoints, in the order in which they are tried.',
  ),
  client_id: key(text, '9d1c250a-e61b-44d9-88ed-5944d1962f5e', 'The public client id.'),
  // This page shows `code#state` for copying, which works without a browser on the server.
  redirect_uri: key(
    address,
    'https://platform.claude.com/oauth/code/callback',
    'Where the page sends the code; the default shows it for copying.',
  ),
  // The minimum for inference and for showing the account.
  scopes: key(
    list(text, { least: 'a list with something in it' }),
    ['user:profile', 'user:inference'],
    'Scopes asked for at sign-in.',
  ),
  // Our own name: this program does not impersonate another one.
  user_agent: key(
    transform(text, (name) => name.replaceAll('<version>', VERSION)),
    'hermes-gateway/<version>',
    'How requests to the token endpoint name this program; <version> is filled in.',
  ),
  headers: key(record(anyText), {}, 'Further headers of requests to the token endpoint.'),
})

export const auth = group('How the gateway gets and keeps its credential.', {
  adopt_claude_code: key(
    anyOf(word('auto'), flag),
    'auto',
    "Use Claude Code's sign-in of this machine. auto: only if a configured OAuth token has no refresh source.",
  ),
  fallback_api_key: key(
    flag,
    false,
    'While the OAuth sign-in is dead, use ANTHROPIC_API_KEY (visible in the status and in an alert).',
  ),
  refresh_command: key(
    orNull(argv),
    null,
    'A program and its arguments that print a token, for vaults: minimal environment, 30 s, 64 KiB, one at a time.',
    [['/usr/local/bin/print-token', '--for', 'hermes']],
  ),
  oauth,
})
