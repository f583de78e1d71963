import type { Command } from 'commander'
import { bashScript } from './bash.ts'
import { describeCommands } from './describe-commands.ts'
import { fishScript } from './fish.ts'
import { zshScript } from './zsh.ts'

export type Shell = 'bash' | 'zsh' | 'fish'

/** A completion script for all commands of `program`. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = describeCommands(program)
  switch (shell) {
    case 'bash':
      return bashScript(commands)
    case 'zsh':
      return zshScript(commands)
    case 'fish':
      return fishScript(commands)
  }
}
