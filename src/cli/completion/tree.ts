import type { Command, Option } from 'commander'

/** One command as a shell has to know it. */
export interface CommandWords {
  /** The words that lead to it, without the program's own: `queue retry`; empty for the program. */
  readonly path: string
  readonly commands: readonly Word[]
  readonly options: readonly OptionWords[]
  /** What an argument may be, where that is a fixed list. */
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

/** Every command of the program, the program first, each after the one it belongs to. */
export function describe(program: Command): readonly CommandWords[] {
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
