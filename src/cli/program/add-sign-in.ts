import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

interface LoginFlags {
  readonly headless?: boolean
  readonly apiKey?: boolean
  readonly qr?: boolean
  readonly yes?: boolean
  readonly replace?: boolean
}

/** Commands that create, show, refresh and remove the sign-in. */
export function addSignIn({ program, home, finish }: Wiring): void {
  const auth = program
    .command('auth')
    .helpGroup(GROUP.signIn)
    .summary('sign in, sign out, and check the credential')
  withExamples(auth, [
    ['hermes auth login --headless', 'sign in by copy and paste, without a browser here'],
    ['hermes auth login --api-key < key.txt', 'use an API key'],
    ['hermes auth status', 'show whether it works, and until when'],
  ])

  const login = auth
    .command('login')
    .summary('sign in with an account or an API key')
    .description(
      'Signs in. A running gateway switches to the new sign-in within five seconds; the previous one stays until the new one is stored.',
    )
    .option('--headless', 'without a browser: print the link and read the code from stdin')
    .option('--api-key', 'use an API key, read from stdin and never shown')
    .option('--qr', 'also print the link as a QR code for a phone')
    .option('--yes', 'accept the terms of a subscription sign-in without asking')
    .option('--replace', 'replace the sign-in of another account')
    .action(async (options: LoginFlags) => {
      const { authLoginCommand } = await import('../auth/auth-login.ts')
      finish(
        await authLoginCommand({
          ...home(),
          headless: options.headless ?? false,
          apiKey: options.apiKey ?? false,
          qr: options.qr ?? false,
          yes: options.yes ?? false,
          replace: options.replace ?? false,
        }),
      )
    })
  withExamples(login, [
    ['hermes auth login', 'in the browser on this machine'],
    ['hermes auth login --headless --qr', 'on a server, with your phone'],
    ['hermes auth login --api-key < key.txt', 'with an API key from a file'],
  ])
  withExitCodes(login, [
    [0, 'signed in, and the sign-in is in use'],
    [1, 'refused, or another source still takes precedence; the message says what was stored'],
    [2, 'no terminal and no --yes; nothing was read'],
  ])

  const status = auth
    .command('status')
    .summary('show the state of the credential')
    .description(
      'Shows the state of the credential: as the running gateway of the home has it, asked over loopback, or else from what is stored. No other network request is made.',
    )
    .addOption(jsonOption())
    .option('--adopt', 'this home was moved here on purpose: use its sign-in on this machine')
    .action(async (options: { json?: boolean; adopt?: boolean }) => {
      const { authStatusCommand } = await import('../auth/auth-status.ts')
      finish(
        await authStatusCommand({ ...home(), json: options.json ?? false, adopt: options.adopt ?? false }),
      )
    })
  withExitCodes(status, [
    [0, 'healthy, refreshing or at-risk'],
    [3, 'needs-login or not-permitted: a person must act'],
    [4, 'degraded: retried automatically'],
    [78, 'misconfigured'],
  ])
  auth
    .command('sources')
    .summary('list all credential sources, which one is in use, and why')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { authSourcesCommand } = await import('../auth/auth-sources.ts')
      finish(await authSourcesCommand({ ...home(), json: options.json ?? false }))
    })
  auth
    .command('refresh')
    .summary("refresh the token once, now, under the gateway's locks")
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { authRefreshCommand } = await import('../auth/auth-refresh.ts')
      finish(await authRefreshCommand({ ...home(), json: options.json ?? false }))
    })
  auth
    .command('logout')
    .summary("remove the gateway's own sign-in; other sources are not touched")
    .action(async () => {
      const { authLogoutCommand } = await import('../auth/auth-logout.ts')
      finish(await authLogoutCommand(home()))
    })
}
