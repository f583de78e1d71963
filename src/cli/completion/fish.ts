import type { CommandWords } from './describe-commands.ts'

/** For fish 3 and later. */
export function fishScript(commands: readonly CommandWords[]): string {
  const paths = commands.map(({ path }) => path).filter(Boolean)
  return `# fish completion for hermes
function __hermes_path
    set -l path ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$path $word")
        contains -- $next ${paths.map(quote).join(' ')}; and set path $next
    end
    echo $path
end
complete -c hermes -f
${commands.flatMap(completionLines).join('\n')}
`
}

function completionLines({ path, commands, options, values }: CommandWords): string[] {
  const here = `complete -c hermes -n ${quote(`test (__hermes_path) = '${path}'`)}`
  return [
    ...commands.map(({ name, description }) => `${here} -a ${name} -d ${quote(description)}`),
    ...(values.length > 0 ? [`${here} -a ${quote(values.join(' '))}`] : []),
    ...options.map(({ flags, description, takesValue, choices }) => {
      const names = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      )
      const value = choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : takesValue ? ' -r' : ''
      return `${here} ${names.join(' ')}${value} -d ${quote(description)}`
    }),
  ]
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
