import { EXIT, type ExitCode } from './exit-codes.ts'

/** The simulated Anthropic alone, until Ctrl-C. */
export async function sandboxCommand(options: {
  readonly port: number | undefined
  readonly unmarked: boolean
}): Promise<ExitCode> {
  const { runSandbox } = await import('../sandbox/run.ts')
  await runSandbox({
    unmarked: options.unmarked,
    ...(options.port === undefined ? {} : { port: options.port }),
  })
  return EXIT.ok
}
