import { VERSION } from '../../support/package.ts'
import { anyOf, argv, list, orNull, record } from '../shape/compound.ts'
import { address, anyText, flag, text, word } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'
import { transform } from '../shape/shape.ts'

// Read in shipped packages and public threads, promised by nobody: an organisation
// with an OAuth client or a proxy of its own replaces them.
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
      // The old host, known to answer 500: a last resort, never the first.
      'https://console.anthropic.com/v1/oauth/token',
    ],
    'Token endpoints, in the order in which they are tried.',
  ),
  client_id: key(text, '9d1c250a-e61b-44d9-88ed-5944d1962f5e', 'The public client id.'),
  // This page shows `code#state` for copying, which is what a server without a browser needs.
  redirect_uri: key(
    address,
    'https://platform.claude.com/oauth/code/callback',
    'Where the page sends the code; the default shows it for copying.',
  ),
  // The least that inference and naming the account need.
  scopes: key(
    list(text, { least: 'a list with something in it' }),
    ['user:profile', 'user:inference'],
    'Scopes asked for at sign-in.',
  ),
  // An own name: this program does not pretend to be another one.
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
    "Use Claude Code's sign-in of this machine. auto: only beside a configured OAuth token that has no refresh source.",
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
