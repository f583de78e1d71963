import { Command } from 'commander'
import { VERSION } from '../support/package.ts'
import { GROUP, withExamples, withExitCodes } from './command.ts'
import { addMessages } from './program/add-messages.ts'
import { addPeople } from './program/add-people.ts'
import { addRunning } from './program/add-running.ts'
import { addSetUp } from './program/add-set-up.ts'
import { addSignIn } from './program/add-sign-in.ts'
import { addStorage } from './program/add-storage.ts'
import { addTools } from './program/add-tools.ts'

/**
 * Builds the command line: all commands and their help. The code of a command is loaded when it runs, so that
 * `hermes --help` stays fast.
 */
export function buildProgram(finish: (exitCode: number) => void): Command {
  const program = new Command('hermes')
    .description('The chat gateway for Claude that stays signed in.')
    .version(VERSION, '-v, --version', 'print the version')
    .option('--home <dir>', 'home folder (default: $HERMES_HOME, otherwise ~/.hermes)')
    .helpOption('-h, --help', 'print help')
    .commandsGroup(GROUP.tools)
    .helpCommand('help [command]', 'print help for a command')
    // `--home` applies to every command.
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .showHelpAfterError('Run "hermes --help" for the commands.')
    .exitOverride()
  withExamples(program, [
    ['hermes init', 'set up sign-in, channels, alerts and the service'],
    ['hermes gateway', 'run the gateway'],
    ['hermes gateway --sandbox', 'try it locally, without an account'],
    ['hermes status', 'show what works, what is waiting and what to do'],
    ['hermes doctor', 'find problems and the commands that fix them'],
    ['hermes chat "Good morning"', 'talk to the running gateway'],
  ])
  withExitCodes(program, [
    [0, 'success'],
    [1, 'failed'],
    [2, 'wrong usage'],
    [3, 'a person must act: sign in, or fix the account'],
    [4, 'temporarily unavailable; retried automatically'],
    [78, 'configuration error: do not restart before fixing it'],
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
