export type Level = 'ok' | 'warning' | 'error'

/** One thing that was looked at. */
export interface Finding {
  /** Stable, for scripts: `config`, `telegram.token`. */
  readonly id: string
  readonly level: Level
  /** A sentence; no secret. */
  readonly message: string
  /** The command that mends it; null = none is needed, or none can. */
  readonly mend: string | null
  /** Who has to act, where the exit code says so. */
  readonly kind?: 'configuration' | 'sign-in'
}

export function ok(id: string, message: string): Finding {
  return { id, level: 'ok', message, mend: null }
}

export function warning(id: string, message: string, mend: string | null): Finding {
  return { id, level: 'warning', message, mend }
}

export function error(id: string, message: string, mend: string | null): Finding {
  return { id, level: 'error', message, mend }
}

/** The gateway does not start like this. */
export function misconfigured(id: string, message: string, mend: string | null): Finding {
  return { id, level: 'error', message, mend, kind: 'configuration' }
}

/** A person has to sign in. */
export function needsLogin(id: string, message: string, mend: string | null): Finding {
  return { id, level: 'error', message, mend, kind: 'sign-in' }
}

/** `path` as one word of a shell's command line. */
export function word(path: string): string {
  return /^[\w@%+=:,./~-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

/** Opens a file where the mistake is. */
export function editCommand(path: string, line?: number): string {
  return `"\${EDITOR:-vi}" ${line === undefined ? '' : `+${line} `}${word(path)}`
}
