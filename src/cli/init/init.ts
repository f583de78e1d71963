import { existsSync } from 'node:fs'
import { cancel, intro, log, note, outro } from '@clack/prompts'
import { loadSettings } from '../../config/settings.ts'
import { ConfigurationError, messageOf } from '../../support/errors.ts'
import { printRoutes, testRoutes } from '../alerts-test.ts'
import { authLoginCommand } from '../auth/auth-login.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { quoteForShell } from '../doctor/finding.ts'
import { serviceInstallCommand } from '../service/service.ts'
import { paint, print, printError } from '../terminal/output.ts'
import { answersFromFlags, DoesNotWork } from './answers-from-flags.ts'
import { answersFromPrompts } from './answers-from-prompts.ts'
import { Cancelled, yesOrNo } from './ask.ts'
import { readCurrentSetup, type CurrentSetup } from './current-setup.ts'
import { BadFlag, type InitFlags } from './parse-flags.ts'
import { planSetup, writeSetup, type SetupPlan } from './setup-plan.ts'

interface InitOptions extends GlobalOptions {
  readonly flags: InitFlags
}

/**
 * Sets up the gateway, with prompts on a terminal or from flags alone. All answers are collected and
 * checked, then shown as a diff, then written; cancelling before that changes nothing.
 */
export async function initCommand(options: InitOptions): Promise<ExitCode> {
  const { flags } = options
  if (!flags.yes && !process.stdin.isTTY) {
    printError('no terminal for prompts: pass --yes and the other options (see hermes init --help).')
    return EXIT.usage
  }
  try {
    const current = await readCurrentSetup(options.home, process.env)
    return flags.yes ? await byFlags(options, current) : await byQuestions(options, current)
  } catch (error) {
    if (error instanceof Cancelled) {
      cancel('Nothing was changed.')
      return EXIT.failed
    }
    if (error instanceof BadFlag) {
      printError(`${error.message}. Nothing was changed.`)
      return EXIT.usage
    }
    if (error instanceof DoesNotWork) {
      printError(`${error.message} Nothing was changed.`)
      return EXIT.failed
    }
    if (!(error instanceof ConfigurationError)) throw error
    printError(`${messageOf(error)}\nNothing was changed.`)
    return EXIT.configuration
  }
}

async function byFlags(options: InitOptions, current: CurrentSetup): Promise<ExitCode> {
  const { flags } = options
  const answers = await answersFromFlags(flags, current, readInput)
  const planned = await planSetup(current, answers, process.env)
  if (planned.shown.length === 0) print('Nothing to change.')
  else print(planned.shown.join('\n'))
  await writeSetup(current, planned, process.env)
  const alertsWork = answers.alerts.length === 0 || (await sendTestAlert(options))
  if (flags.service) {
    const code = await serviceInstallCommand({ ...options, system: false, print: false })
    if (code !== EXIT.ok) return code
  }
  return alertsWork ? EXIT.ok : EXIT.failed
}

async function byQuestions(options: InitOptions, current: CurrentSetup): Promise<ExitCode> {
  intro(`${paint('bold', 'Hermes Gateway')} setup. Ctrl-C cancels without changes.`)
  const answers = await answersFromPrompts(options.flags, current)
  const planned = await planSetup(current, answers, process.env)
  await review(current, planned)
  // Everything is saved from here on; Ctrl-C only skips the remaining steps.
  if (answers.signIn.kind === 'account') await signIn(options)
  if (answers.alerts.length > 0) await sendTestAlert(options)
  const service = await offerService(options)
  outro(nextStep(options, current, service))
  return EXIT.ok
}

/** @throws Cancelled if the person declines */
async function review(current: CurrentSetup, planned: SetupPlan): Promise<void> {
  if (planned.shown.length === 0) {
    log.success('Nothing to change.')
    return
  }
  note(planned.shown.join('\n'), 'Changes')
  if (!(await yesOrNo('Save these changes?', true))) throw new Cancelled()
  await writeSetup(current, planned, process.env)
  log.success('Saved.')
}

async function signIn(options: InitOptions): Promise<void> {
  const flags = { headless: !hasBrowser(), apiKey: false, qr: false, yes: false, replace: false }
  const code = await authLoginCommand({ ...options, ...flags })
  if (code !== EXIT.ok) log.warn('Not signed in yet. Sign in at any time with "hermes auth login".')
}

function hasBrowser(): boolean {
  const { SSH_CONNECTION, DISPLAY, WAYLAND_DISPLAY } = process.env
  if (SSH_CONNECTION) return false
  return process.platform === 'darwin' || Boolean(DISPLAY || WAYLAND_DISPLAY)
}

/** False: no route delivered the test. */
async function sendTestAlert(options: InitOptions): Promise<boolean> {
  try {
    const routes = await testRoutes(
      await loadSettings({ home: options.home, processEnv: process.env, lenient: true }),
    )
    print('Sent a test alert:')
    printRoutes(routes)
    return routes.some(({ working }) => working === true)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    printError(error.message)
    return false
  }
}

/** True: the service is installed and running. */
async function offerService(options: InitOptions): Promise<boolean> {
  const { service } = options.flags
  if (service === false || !(process.platform === 'darwin' || existsSync('/run/systemd/system'))) return false
  const wanted =
    service ??
    (await yesOrNo('Install it as a service that starts automatically?', true).catch(declineIfCancelled))
  return wanted && (await serviceInstallCommand({ ...options, system: false, print: false })) === EXIT.ok
}

function declineIfCancelled(error: unknown): false {
  if (error instanceof Cancelled) return false
  throw error
}

function nextStep({ home }: InitOptions, { running }: CurrentSetup, service: boolean): string {
  if (service) return 'Service started. See "hermes status", or open the page with "hermes dashboard".'
  if (running)
    return 'The running gateway picks up a new sign-in automatically; restart it for other changes.'
  return `Start it with ${paint('cyan', `hermes gateway${home === undefined ? '' : ` --home ${quoteForShell(home)}`}`)}.`
}

async function readInput(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) text += chunk
  return text
}
