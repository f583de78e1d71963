import { Argument } from 'commander'
import { GROUP, portOption, withExamples, type Wiring } from '../command.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

export function addTools({ program, finish }: Wiring): void {
  const sandbox = program
    .command('sandbox')
    .helpGroup(GROUP.tools)
    .summary('run only the simulated Anthropic, with its fault controls')
    .addOption(portOption('listen on this port instead of a free one'))
    .option('--unmarked', 'issue tokens that a production gateway accepts, to rehearse outages')
    .action(async (options: { port?: number; unmarked?: boolean }) => {
      const { sandboxCommand } = await import('../sandbox.ts')
      finish(await sandboxCommand({ port: options.port, unmarked: options.unmarked ?? false }))
    })
  withExamples(sandbox, [
    ['hermes sandbox --port 8700', 'on a fixed port'],
    ['hermes sandbox --unmarked', 'rehearse an outage with a production home'],
  ])

  const completion = program
    .command('completion')
    .helpGroup(GROUP.tools)
    .summary('print a shell completion script')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { completionScript } = await import('../completion/completion-script.ts')
      process.stdout.write(completionScript(program, shell))
      finish(0)
    })
  withExamples(completion, [
    ['source <(hermes completion bash)', 'bash, this session; add it to ~/.bashrc to keep it'],
    ['hermes completion zsh > "${fpath[1]}/_hermes"', 'zsh'],
    ['hermes completion fish > ~/.config/fish/completions/hermes.fish', 'fish'],
  ])
}
