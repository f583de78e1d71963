export type Level = 'ok' | 'warning' | 'error'

/** The result of one check. */
export interface Finding {
  /** Stable, for scripts: `config`, `telegram.token`. */
  readonly id: string
  readonly level: Level
  /** A sentence; no secret. */
  readonly message: string
  /** The command that fixes it; null = not needed, or none exists. */
  readonly fix: string | null
  /** Who must act, if the exit code depends on it. */
  readonly kind?: 'configuration' | 'sign-in'
  /** The check does not apply here. */
  readonly skipped?: true
}

export function ok(id: string, message: string): Finding {
  return { id, level: 'ok', message, fix: null }
}

/** Not a problem: the check does not apply here. */
export function skipped(id: string, message: string): Finding {
  return { ...ok(id, message), skipped: true }
}

export function warning(id: string, message: string, fix: string | null): Finding {
  return { id, level: 'warning', message, fix }
}

export function error(id: string, message: string, fix: string | null): Finding {
  return { id, level: 'error', message, fix }
}

/** The gateway refuses to start with this configuration. */
export function misconfigured(id: string, message: string, fix: string | null): Finding {
  return { id, level: 'error', message, fix, kind: 'configuration' }
}

/** A person must sign in. */
export function needsLogin(id: string, message: string, fix: string | null): Finding {
  return { id, level: 'error', message, fix, kind: 'sign-in' }
}

/** Keeps a file of another program, under another name. */
export function moveAwayCommand(path: string): string {
  return `mv ${quoteForShell(path)} ${quoteForShell(`${path}.old`)}`
}

/** Quotes `path` for a shell, if necessary. */
export function quoteForShell(path: string): string {
  return /^[\w@%+=:,./~-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

/** The command that opens a file in an editor, at a line. */
export function editCommand(path: string, line?: number): string {
  return `"\${EDITOR:-vi}" ${line === undefined ? '' : `+${line} `}${quoteForShell(path)}`
}
