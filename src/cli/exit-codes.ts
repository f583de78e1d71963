/** How every command ends. Scripts and service managers rely on these. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** A person must act: sign in, or mend an account. */
  personMustAct: 3,
  /** Temporarily unavailable; it will mend itself. */
  unavailable: 4,
  /** Configuration error (EX_CONFIG): a service manager must not restart. @see sysexits(3) */
  configuration: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
