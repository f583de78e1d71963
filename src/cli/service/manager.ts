import type { ServicePlace } from './place.ts'
import { runTool, type ToolResult } from './run-tool.ts'

/** How the service does, as its manager sees it. */
export interface ServiceState {
  /** The manager's own word, such as `active`, `failed`, `inactive`; null = it cannot be asked. */
  readonly state: string | null
  /** Starts with the machine or the session. */
  readonly enabled: boolean
  /** Why the manager cannot be asked; null = it was. */
  readonly problem: string | null
}

/** A question to the manager is answered at once, or not at all. */
const QUESTION_MS = 5_000

/** The commands that make the manager take the file, in order. */
export function startCommands(place: ServicePlace): readonly (readonly string[])[] {
  if (place.manager === 'launchd') return [['launchctl', 'bootstrap', domain(place), place.file]]
  return [
    systemctl(place, 'daemon-reload'),
    systemctl(place, 'enable', place.name),
    // Also where it runs already: it is to run what the file says now.
    systemctl(place, 'restart', place.name),
  ]
}

/** The commands that end it, before the file is removed. */
export function stopCommands(place: ServicePlace): readonly (readonly string[])[] {
  if (place.manager === 'launchd') return [['launchctl', 'bootout', `${domain(place)}/${place.name}`]]
  return [systemctl(place, 'disable', '--now', place.name)]
}

/** The command that shows what the service said. */
export function logCommand(place: ServicePlace): string {
  if (place.manager === 'launchd') return `tail -n 50 ${place.log}`
  return `journalctl ${place.system ? '' : '--user '}-u ${place.name} -n 50`
}

/** Runs the commands until one fails. @returns the failed one with what it said; null = all worked */
export async function runAll(
  commands: readonly (readonly string[])[],
): Promise<{ readonly command: string; readonly result: ToolResult } | null> {
  for (const [program = '', ...args] of commands) {
    const result = await runTool(program, args)
    if (result.code !== 0) return { command: [program, ...args].join(' '), result }
  }
  return null
}

export async function askState(place: ServicePlace): Promise<ServiceState> {
  if (place.manager === 'launchd') {
    const { code, stdout } = await runTool(
      'launchctl',
      ['print', `${domain(place)}/${place.name}`],
      QUESTION_MS,
    )
    const state = code === 0 ? (/\bstate = (\w+)/.exec(stdout)?.[1] ?? 'loaded') : 'inactive'
    return { state, enabled: code === 0, problem: null }
  }
  const [program = '', ...args] = systemctl(
    place,
    'show',
    place.name,
    '--property=ActiveState,SubState,UnitFileState',
  )
  const { code, stdout, problem } = await runTool(program, args, QUESTION_MS)
  if (code !== 0) return { state: null, enabled: false, problem }
  const properties = Object.fromEntries(stdout.split('\n').map((line) => line.split('=', 2)))
  const { ActiveState = 'unknown', SubState, UnitFileState } = properties as Record<string, string>
  return {
    state: SubState === 'auto-restart' ? 'restarting' : ActiveState,
    enabled: UnitFileState === 'enabled',
    problem: null,
  }
}

/** Does a user's service end with the user's last session here? */
export async function endsWithSession(place: ServicePlace, user: string): Promise<boolean> {
  if (place.manager !== 'systemd' || place.system) return false
  const { code, stdout } = await runTool(
    'loginctl',
    ['show-user', user, '--property=Linger', '--value'],
    QUESTION_MS,
  )
  return code !== 0 || stdout !== 'yes'
}

function systemctl(place: ServicePlace, ...args: string[]): string[] {
  return ['systemctl', ...(place.system ? [] : ['--user']), ...args]
}

function domain(place: ServicePlace): string {
  return place.system ? 'system' : `gui/${process.getuid?.() ?? 0}`
}
