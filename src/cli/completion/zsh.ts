import type { CommandWords, OptionWords } from './describe-commands.ts'

/** For zsh's completion system: one function per command. */
export function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef hermes
# zsh completion for hermes
${commands.map(commandFunction).join('\n')}
# Works when sourced directly and when loaded from fpath.
if [ "$funcstack[1]" = "_hermes" ]; then _hermes "$@"; else compdef _hermes hermes; fi
`
}

function commandFunction(command: CommandWords): string {
  const name = functionName(command.path)
  const options = command.options.flatMap(optionSpecs).map((spec) => `    ${quote(spec)}`)
  if (command.commands.length === 0) {
    const rest =
      command.values.length > 0
        ? `    ${quote(`1:value:(${command.values.join(' ')})`)}`
        : `    '*:file:_files'`
    return `${name}() {\n  _arguments -s \\\n${[...options, rest].join(' \\\n')}\n}`
  }
  const items = command.commands.map(
    (child) => `        ${quote(`${escape(child.name)}:${child.description}`)}`,
  )
  const calls = command.commands.map(
    (child) => `        ${child.name}) ${functionName(`${command.path} ${child.name}`.trim())} ;;`,
  )
  return `${name}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -s -C \\
${options.join(' \\\n')} \\
    '1: :->command' '*:: :->arguments'
  case $state in
    command)
      local -a commands=(
${items.join('\n')}
      )
      _describe command commands ;;
    arguments)
      case $line[1] in
${calls.join('\n')}
      esac ;;
  esac
}`
}

function optionSpecs({ flags, description, takesValue, choices }: OptionWords): string[] {
  const value = takesValue ? `:value:${choices.length > 0 ? `(${choices.join(' ')})` : '_files'}` : ''
  return flags.map((flag) => `${flag}[${description.replaceAll(/[[\]]/g, '\\$&')}]${value}`)
}

function functionName(path: string): string {
  return path === '' ? '_hermes' : `_hermes_${path.replaceAll(/[ -]/g, '_')}`
}

function escape(text: string): string {
  return text.replaceAll(':', '\\:')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
