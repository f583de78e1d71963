/** A process may end for another reason while it reads a mail, but hardly so often with the same one. */
const MAX_DEATHS = 2

/**
 * Knows, over restarts, which mail is being read. A mail on which the process ended again and again
 * would end every later one, too: it is passed over.
 */
export class InHand {
  readonly #save: (value: string) => Promise<void>
  #stored: { readonly mail: string; readonly deaths: number } | null
  /** The mail that this process is reading. */
  #mail: string | null = null

  /**
   * @param value as it was saved last; null = never
   * @param save resolves when the value is durable
   */
  constructor(value: string | null, save: (value: string) => Promise<void>) {
    const [, mail = '', deaths = ''] = /^(\S+) (\d{1,3})$/.exec(value ?? '') ?? []
    this.#stored = mail === '' ? null : { mail, deaths: Number(deaths) }
    this.#save = save
  }

  /**
   * To be called before anything of a mail is read. Never rejects.
   *
   * @param mail names it, without white space
   * @returns false: it is to be passed over
   */
  async begin(mail: string): Promise<boolean> {
    if (this.#mail === mail) return true
    const deaths = this.#stored?.mail === mail ? this.#stored.deaths + 1 : 0
    if (deaths >= MAX_DEATHS) return false
    // Where it cannot be noted, the mail cannot be stored either, and will come again.
    await this.#save(`${mail} ${deaths}`).catch(() => {})
    this.#stored = { mail, deaths }
    this.#mail = mail
    return true
  }

  /** The process ends in order: the mail that is being read now is not to blame. Never rejects. */
  async release(): Promise<void> {
    if (this.#mail === null) return
    this.#mail = null
    this.#stored = null
    // Unsaved, it counts once too often.
    await this.#save('').catch(() => {})
  }
}
