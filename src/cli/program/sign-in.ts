import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

interface LoginFlags {
  readonly headless?: boolean
  readonly apiKey?: boolean
  readonly qr?: boolean
  readonly yes?: boolean
  readonly replace?: boolean
}

/** The sign-in: making one, looking at it, ending it. */
export function addSignIn({ program, home, finish }: Wiring): void {
  const auth = program
    .command('auth')
    .helpGroup(GROUP.signIn)
    .summary('the sign-in: login, its state, its sources, refresh, logout')
  withExamples(auth, [
    ['hermes auth login --headless', 'sign in by copy and paste, no browser needed here'],
    ['hermes auth login --api-key < key.txt', 'use an API key'],
    ['hermes auth status', 'is it alive, and until when'],
  ])

  const login = auth
    .command('login')
    .summary('sign in with an account or an API key')
    .description(
      'Signs in. A running gateway takes the new sign-in over within five seconds; the former one stays until the new one is stored.',
    )
    .option('--headless', 'no browser here: print the address, read the code from the input')
    .option('--api-key', 'an API key, read from the input and never shown')
    .option('--qr', 'also print the address as a QR code, for a phone')
    .option('--yes', 'accept the terms of a subscription sign-in without being asked')
    .option('--replace', "another account may take the present one's place")
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
    ['hermes auth login', 'in the browser of this machine'],
    ['hermes auth login --headless --qr', 'on a server, signing in with the phone'],
    ['hermes auth login --api-key < key.txt', 'an API key from a file'],
  ])
  withExitCodes(login, [
    [0, 'signed in, and in use'],
    [1, 'refused, or something else still wins; the former sign-in is untouched unless that is said'],
    [2, 'on a pipe without --yes: nothing was read'],
  ])

  const status = auth
    .command('status')
    .summary("the credential's state, from what is stored; no network")
    .addOption(jsonOption())
    .option('--adopt', 'this home was moved to this machine on purpose: its sign-in belongs here now')
    .action(async (options: { json?: boolean; adopt?: boolean }) => {
      const { authStatusCommand } = await import('../auth/auth-status.ts')
      finish(
        await authStatusCommand({ ...home(), json: options.json ?? false, adopt: options.adopt ?? false }),
      )
    })
  withExitCodes(status, [
    [0, 'healthy, refreshing or at-risk'],
    [3, 'needs-login or not-permitted: a person must act'],
    [4, 'degraded: it will be tried again by itself'],
    [78, 'misconfigured'],
  ])
  auth
    .command('sources')
    .summary('every source of a credential, which one is in use, and why')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { authSourcesCommand } = await import('../auth/auth-sources.ts')
      finish(await authSourcesCommand({ ...home(), json: options.json ?? false }))
    })
  auth
    .command('refresh')
    .summary("one refresh now, under the gateway's own locks")
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { authRefreshCommand } = await import('../auth/auth-refresh.ts')
      finish(await authRefreshCommand({ ...home(), json: options.json ?? false }))
    })
  auth
    .command('logout')
    .summary("remove the gateway's own sign-in (only ever the own one)")
    .action(async () => {
      const { authLogoutCommand } = await import('../auth/auth-logout.ts')
      finish(await authLogoutCommand(home()))
    })
}
