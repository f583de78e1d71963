import { Argument } from 'commander'
import { GROUP, portOption, withExamples, type Wiring } from '../command.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

export function addTools({ program, finish }: Wiring): void {
  const sandbox = program
    .command('sandbox')
    .helpGroup(GROUP.tools)
    .summary('the simulated Anthropic alone, with its fault controls')
    .addOption(portOption('listen here instead of a free port'))
    .option('--unmarked', 'issue tokens that a production gateway takes, to rehearse outages with it')
    .action(async (options: { port?: number; unmarked?: boolean }) => {
      const { sandboxCommand } = await import('../sandbox.ts')
      finish(await sandboxCommand({ port: options.port, unmarked: options.unmarked ?? false }))
    })
  withExamples(sandbox, [
    ['hermes sandbox --port 8700', 'on a port of your own'],
    ['hermes sandbox --unmarked', 'to rehearse an outage with a real home'],
  ])

  const completion = program
    .command('completion')
    .helpGroup(GROUP.tools)
    .summary('print a completion script for your shell')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { completionScript } = await import('../completion/completion.ts')
      process.stdout.write(completionScript(program, shell))
      finish(0)
    })
  withExamples(completion, [
    ['source <(hermes completion bash)', 'now; put it into ~/.bashrc to keep it'],
    ['hermes completion zsh > "${fpath[1]}/_hermes"', 'zsh'],
    ['hermes completion fish > ~/.config/fish/completions/hermes.fish', 'fish'],
  ])
}
