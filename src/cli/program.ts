import { Command } from 'commander'
import { VERSION } from '../support/package.ts'
import { GROUP, withExamples, withExitCodes } from './command.ts'
import { addMessages } from './program/messages.ts'
import { addPeople } from './program/people.ts'
import { addRunning } from './program/run.ts'
import { addSetUp } from './program/set-up.ts'
import { addSignIn } from './program/sign-in.ts'
import { addStorage } from './program/storage.ts'
import { addTools } from './program/tools.ts'

/**
 * The commands and their words. Each command's code is loaded when it runs, so that
 * `hermes --help` does not pay for the gateway.
 */
export function buildProgram(finish: (exitCode: number) => void): Command {
  const program = new Command('hermes')
    .description('The chat gateway for Claude that stays signed in.')
    .version(VERSION, '-v, --version', 'print the version')
    .option('--home <dir>', 'the home folder (default: $HERMES_HOME, else ~/.hermes)')
    .helpOption('-h, --help', 'print help')
    .commandsGroup(GROUP.tools)
    .helpCommand('help [command]', 'print help for a command')
    // `--home` belongs to every command.
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .showHelpAfterError('Run "hermes --help" for the commands.')
    .exitOverride()
  withExamples(program, [
    ['hermes init', 'set it up: sign-in, Telegram, alerts, service'],
    ['hermes gateway', 'run the gateway'],
    ['hermes gateway --sandbox', 'try it without an account, on this machine only'],
    ['hermes status', 'what works, what waits, what to do'],
    ['hermes doctor', 'what is wrong, and the command that mends it'],
    ['hermes chat "Good morning"', 'talk to the running gateway'],
  ])
  withExitCodes(program, [
    [0, 'fine'],
    [1, 'failed'],
    [2, 'wrong usage'],
    [3, 'a person must act: sign in, or mend an account'],
    [4, 'temporarily unavailable; it will mend itself'],
    [78, 'configuration error: starting again does not help'],
  ])

  const wiring = {
    program,
    home: () => ({ home: program.opts<{ home?: string }>().home }),
    finish,
  }
  addSetUp(wiring)
  addRunning(wiring)
  addSignIn(wiring)
  addMessages(wiring)
  addPeople(wiring)
  addStorage(wiring)
  addTools(wiring)
  return program
}
