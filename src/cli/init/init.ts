import { existsSync } from 'node:fs'
import { cancel, intro, log, note, outro } from '@clack/prompts'
import { loadSettings } from '../../config/settings.ts'
import { ConfigurationError, messageOf } from '../../support/errors.ts'
import { redact } from '../../support/redact.ts'
import { printRoutes, testRoutes } from '../alerts-test.ts'
import { authLoginCommand } from '../auth/auth-login.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { word } from '../doctor/finding.ts'
import { serviceInstallCommand } from '../service/service.ts'
import { paint, print, printError } from '../terminal/output.ts'
import { plan, write, type Plan } from './apply.ts'
import { Cancelled, yesOrNo } from './ask.ts'
import { lookAround, type Found } from './look-around.ts'
import { BadFlag, type InitFlags } from './parse-flags.ts'
import { answersFromFlags, DoesNotWork } from './scripted.ts'
import { answersFromPerson } from './wizard.ts'

interface InitOptions extends GlobalOptions {
  readonly flags: InitFlags
}

/**
 * Sets the gateway up: by questions on a terminal, or by flags alone. Everything is asked and
 * tried first, shown as a difference, and written last; giving up before that changes nothing.
 */
export async function initCommand(options: InitOptions): Promise<ExitCode> {
  const { flags } = options
  if (!flags.yes && !process.stdin.isTTY) {
    printError('there is no terminal to ask on: give --yes and say the rest by flags (hermes init --help).')
    return EXIT.usage
  }
  try {
    const found = await lookAround(options.home, process.env)
    return flags.yes ? await byFlags(options, found) : await byQuestions(options, found)
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
    printError(`${redact(messageOf(error))}\nNothing was changed.`)
    return EXIT.configuration
  }
}

async function byFlags(options: InitOptions, found: Found): Promise<ExitCode> {
  const { flags } = options
  const answers = await answersFromFlags(flags, found, readInput)
  const planned = await plan(found, answers, process.env)
  if (planned.shown.length === 0) print('Everything is so already.')
  else print(planned.shown.join('\n'))
  await write(found, planned, process.env)
  const told = answers.alerts.length === 0 || (await tellTest(options))
  if (flags.service) {
    const code = await serviceInstallCommand({ ...options, system: false, print: false })
    if (code !== EXIT.ok) return code
  }
  return told ? EXIT.ok : EXIT.failed
}

async function byQuestions(options: InitOptions, found: Found): Promise<ExitCode> {
  intro(`${paint('bold', 'Hermes Gateway')}: set-up. Ctrl-C leaves everything as it is.`)
  const answers = await answersFromPerson(options.flags, found)
  const planned = await plan(found, answers, process.env)
  await review(found, planned)
  // From here on it is written; a Ctrl-C only leaves out the rest.
  if (answers.signIn.kind === 'account') await signIn(options)
  if (answers.alerts.length > 0) await tellTest(options)
  const service = await offerService(options)
  outro(nextStep(options, found, service))
  return EXIT.ok
}

/** @throws Cancelled when the person does not want it */
async function review(found: Found, planned: Plan): Promise<void> {
  if (planned.shown.length === 0) {
    log.success('Everything is so already; nothing has to be written.')
    return
  }
  note(planned.shown.join('\n'), 'What will be written')
  if (!(await yesOrNo('Write it?', true))) throw new Cancelled()
  await write(found, planned, process.env)
  log.success('Written.')
}

async function signIn(options: InitOptions): Promise<void> {
  const flags = { headless: !browserAtHand(), apiKey: false, qr: false, yes: false, replace: false }
  const code = await authLoginCommand({ ...options, ...flags })
  if (code !== EXIT.ok) log.warn('Not signed in yet. Do it at any time with "hermes auth login".')
}

function browserAtHand(): boolean {
  const { SSH_CONNECTION, DISPLAY, WAYLAND_DISPLAY } = process.env
  if (SSH_CONNECTION) return false
  return process.platform === 'darwin' || Boolean(DISPLAY || WAYLAND_DISPLAY)
}

/** False: no route took the test. */
async function tellTest(options: InitOptions): Promise<boolean> {
  try {
    const routes = await testRoutes(
      await loadSettings({ home: options.home, processEnv: process.env, lenient: true }),
    )
    print('A test alert:')
    printRoutes(routes)
    return routes.some(({ working }) => working === true)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    printError(error.message)
    return false
  }
}

/** True: it is installed and runs. */
async function offerService(options: InitOptions): Promise<boolean> {
  const { service } = options.flags
  if (service === false || !(process.platform === 'darwin' || existsSync('/run/systemd/system'))) return false
  const wanted =
    service ?? (await yesOrNo('Install it as a service that starts by itself?', true).catch(giveUp))
  return wanted && (await serviceInstallCommand({ ...options, system: false, print: false })) === EXIT.ok
}

function giveUp(error: unknown): false {
  if (error instanceof Cancelled) return false
  throw error
}

function nextStep({ home }: InitOptions, { running }: Found, service: boolean): string {
  if (service) return 'It runs. "hermes status" shows how it does, "hermes dashboard" the page.'
  if (running) return 'The running gateway takes a new sign-in over by itself; restart it for the rest.'
  return `Start it with ${paint('cyan', `hermes gateway${home === undefined ? '' : ` --home ${word(home)}`}`)}.`
}

async function readInput(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) text += chunk
  return text
}
