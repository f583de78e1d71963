/**
 * Small things that must be known after a restart: which warning was given for which token,
 * which thresholds were told. Durable when the promise resolves. Never a secret.
 */
export interface Facts {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
}
