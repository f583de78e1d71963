import { runTool, type ToolResult } from './run-tool.ts'
import type { ServiceDefinition } from './service-definition.ts'

/** The state of the service according to its manager. */
export interface ServiceState {
  /** The manager's term, such as `active`, `failed`, `inactive`; null = unknown. */
  readonly state: string | null
  /** Starts at boot or with the session. */
  readonly enabled: boolean
  /** Why the state is unknown; null = it is known. */
  readonly problem: string | null
}

/** A working manager replies well within this time. */
const QUERY_TIMEOUT_MS = 5_000

/** The commands that load and start the service, in order. */
export function startCommands(service: ServiceDefinition): readonly (readonly string[])[] {
  if (service.manager === 'launchd') return [['launchctl', 'bootstrap', domain(service), service.file]]
  return [
    systemctl(service, 'daemon-reload'),
    systemctl(service, 'enable', service.name),
    // Restart, not start: a running service must pick up the new file.
    systemctl(service, 'restart', service.name),
  ]
}

/** The commands that stop the service before its file is removed. */
export function stopCommands(service: ServiceDefinition): readonly (readonly string[])[] {
  if (service.manager === 'launchd') return [['launchctl', 'bootout', `${domain(service)}/${service.name}`]]
  return [systemctl(service, 'disable', '--now', service.name)]
}

/** The command that shows the log of the service. */
export function logCommand(service: ServiceDefinition): string {
  if (service.manager === 'launchd') return `tail -n 50 ${service.log}`
  return `journalctl ${service.system ? '' : '--user '}-u ${service.name} -n 50`
}

/** Runs the commands until one fails. @returns the failed command and its output; null = all succeeded */
export async function runAll(
  commands: readonly (readonly string[])[],
): Promise<{ readonly command: string; readonly result: ToolResult } | null> {
  for (const [program = '', ...args] of commands) {
    const result = await runTool(program, args)
    if (result.code !== 0) return { command: [program, ...args].join(' '), result }
  }
  return null
}

export async function readState(service: ServiceDefinition): Promise<ServiceState> {
  if (service.manager === 'launchd') {
    const { code, stdout } = await runTool(
      'launchctl',
      ['print', `${domain(service)}/${service.name}`],
      QUERY_TIMEOUT_MS,
    )
    const state = code === 0 ? (/\bstate = (\w+)/.exec(stdout)?.[1] ?? 'loaded') : 'inactive'
    return { state, enabled: code === 0, problem: null }
  }
  const [program = '', ...args] = systemctl(
    service,
    'show',
    service.name,
    '--property=ActiveState,SubState,UnitFileState',
  )
  const { code, stdout, problem } = await runTool(program, args, QUERY_TIMEOUT_MS)
  if (code !== 0) return { state: null, enabled: false, problem }
  const properties = Object.fromEntries(stdout.split('\n').map((line) => line.split('=', 2)))
  const { ActiveState = 'unknown', SubState, UnitFileState } = properties as Record<string, string>
  return {
    state: SubState === 'auto-restart' ? 'restarting' : ActiveState,
    enabled: UnitFileState === 'enabled',
    problem: null,
  }
}

/** Whether a user's service stops when the user logs out. */
export async function endsWithSession(service: ServiceDefinition, user: string): Promise<boolean> {
  if (service.manager !== 'systemd' || service.system) return false
  const { code, stdout } = await runTool(
    'loginctl',
    ['show-user', user, '--property=Linger', '--value'],
    QUERY_TIMEOUT_MS,
  )
  return code !== 0 || stdout !== 'yes'
}

function systemctl(service: ServiceDefinition, ...args: string[]): string[] {
  return ['systemctl', ...(service.system ? [] : ['--user']), ...args]
}

function domain(service: ServiceDefinition): string {
  return service.system ? 'system' : `gui/${process.getuid?.() ?? 0}`
}
