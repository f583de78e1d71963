/** One header field, unfolded; bytes stand as Latin-1 characters. */
export interface Header {
  /** In lower case. */
  readonly name: string
  readonly value: string
}

/** More than any keyword, type or name in a header needs. */
export const MAX_MATCHED_CHARACTERS = 1024

/** The header of a mail: its fields from the top down, as the servers on its way wrote them. */
export class Headers {
  readonly fields: readonly Header[]

  constructor(fields: readonly Header[]) {
    this.fields = fields
  }

  /** Every value of a field, from the top down. */
  all(name: string): readonly string[] {
    return this.fields.filter((field) => field.name === name).map(({ value }) => value)
  }

  /** The topmost value; null = there is no such field. */
  first(name: string): string | null {
    return this.fields.find((field) => field.name === name)?.value ?? null
  }

  /** How the topmost value begins: what a pattern may be given of a field that a stranger wrote. */
  start(name: string): string | null {
    return this.first(name)?.slice(0, MAX_MATCHED_CHARACTERS) ?? null
  }
}

/** More than any real mail needs; parsing more would only help an attacker. */
const MAX_HEADER_BYTES = 256 * 1024

/**
 * Reads the header of a mail. Pure.
 *
 * Null for a header that another program may read differently than we do: a bare carriage return, a
 * NUL, a line that is no field. The result about the sender would then be about something else than
 * what we see.
 *
 * @see RFC 5322 §2.2
 */
export function parseHeaders(bytes: Uint8Array): Headers | null {
  if (bytes.length > MAX_HEADER_BYTES) return null
  const text = Buffer.from(bytes).toString('latin1')
  if (/\0|\r(?!\n)/.test(text)) return null
  const fields: Array<{ name: string; value: string }> = []
  for (const line of text.split(/\r?\n/)) {
    if (line === '') break
    if (/^[ \t]/.test(line)) {
      const last = fields.at(-1)
      if (!last) return null
      last.value += ` ${line.trim()}`
      continue
    }
    // White space before the colon is obsolete and is read all the same: a second From must not hide there.
    const match = /^([!-9;-~]+)[ \t]*:(.*)$/.exec(line)
    // The first line of a mailbox file is not part of the mail.
    if (!match && fields.length === 0 && line.startsWith('From ')) continue
    if (!match) return null
    fields.push({ name: match[1]!.toLowerCase(), value: match[2]!.trim() })
  }
  return new Headers(fields)
}
