import type { Command, Option } from 'commander'

/** One command, with what a shell can complete after it. */
export interface CommandWords {
  /** The command's words without the program's name: `queue retry`; empty for the program. */
  readonly path: string
  readonly commands: readonly Word[]
  readonly options: readonly OptionWords[]
  /** The possible values of an argument with a fixed list. */
  readonly values: readonly string[]
}

export interface Word {
  readonly name: string
  readonly description: string
}

export interface OptionWords {
  readonly flags: readonly string[]
  readonly description: string
  readonly takesValue: boolean
  readonly choices: readonly string[]
}

/** All commands of the program, parents before children. */
export function describeCommands(program: Command): readonly CommandWords[] {
  return describeOne(program, '')
}

function describeOne(command: Command, path: string): CommandWords[] {
  const help = command.createHelp()
  const children = help.visibleCommands(command)
  const here: CommandWords = {
    path,
    commands: children.map((child) => ({
      name: child.name(),
      description: child.summary() || child.description(),
    })),
    options: help.visibleOptions(command).map(optionWords),
    values: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  }
  return [
    here,
    ...children.flatMap((child) =>
      describeOne(child, path === '' ? child.name() : `${path} ${child.name()}`),
    ),
  ]
}

function optionWords(option: Option): OptionWords {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  }
}
