/** One step of the schema, forward only. Never edited once released; what is removed is removed one version later. */
export interface Migration {
  /** Steps run in this order, each once. */
  readonly number: number
  readonly name: string
  readonly sql: string
  /**
   * The oldest program (`major.minor.patch`) that still works with the schema after this step. A step that
   * only adds names the version before its own, so that processes of both versions may run side by side
   * while a fleet is upgraded.
   */
  readonly oldestProgram: string
}
