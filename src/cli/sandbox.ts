import type { SandboxPanel } from '../http/api/services.ts'
import type { SandboxAction, SandboxActions } from '../http/wire.ts'
import { BadControlRequest, readFault, readTarget } from '../sandbox/control/control-input.ts'
import type { Sandbox } from '../sandbox/types.ts'
import { Refused } from '../support/errors.ts'
import { EXIT, type ExitCode } from './command.ts'

/** Runs only the simulated Anthropic, until Ctrl-C. */
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

/** The fault controls that the page shows in the sandbox. */
export function sandboxPanel(sandbox: Sandbox): SandboxPanel {
  const { control } = sandbox
  const actions: { readonly [Action in SandboxAction]: (body: unknown) => SandboxActions[Action] } = {
    expire: () => ({ ended: control.expire() }),
    'revoke-access': () => ({ ended: control.revokeAccess() }),
    revoke: () => ({ ended: control.revoke() }),
    fault: (body) => ({ fault: control.fault(readFault(body)).fault }),
    repair: (body) => {
      control.repair(readTarget(body))
      return { faults: control.faults() }
    },
  }
  const isAction = (name: string): name is SandboxAction => Object.hasOwn(actions, name)
  return {
    state: () => sandbox.state(),
    get events() {
      return sandbox.events
    },
    act(action, body) {
      if (!isAction(action)) return null
      try {
        return actions[action](body)
      } catch (error) {
        if (error instanceof BadControlRequest) throw new Refused(error.message)
        throw error
      }
    },
    subscribe: (listener) => sandbox.subscribe(listener),
  }
}
