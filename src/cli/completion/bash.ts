import type { CommandWords } from './describe-commands.ts'

/** For bash 3.2 and later, without the bash-completion package. */
export function bashScript(commands: readonly CommandWords[]): string {
  const paths = commands.map(({ path }) => path).filter(Boolean)
  const cases = commands.map(
    (command) => `    ${quote(command.path)}) words=${quote(offers(command).join(' '))} ;;`,
  )
  const choices = commands.flatMap(({ path, options }) =>
    options
      .filter((option) => option.choices.length > 0)
      .flatMap(({ flags, choices }) =>
        flags.map((flag) => `    ${quote(`${path}:${flag}`)}) words=${quote(choices.join(' '))} ;;`),
      ),
  )
  const free = commands
    .flatMap(({ options }) => options)
    .filter(({ takesValue, choices }) => takesValue && choices.length === 0)
    .flatMap(({ flags }) => flags)
  return `# bash completion for hermes
_hermes() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local path='' word words='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case "\${path:+$path }$word" in
    ${paths.map(quote).join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$previous" in
    ${[...new Set(free)].map(quote).join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$path:$previous" in
${choices.join('\n')}
  esac
  [ -n "$words" ] || case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _hermes hermes
`
}

function offers({ commands, options, values }: CommandWords): string[] {
  return [...commands.map(({ name }) => name), ...values, ...options.flatMap(({ flags }) => flags)]
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
