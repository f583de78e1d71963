const NAME_BYTES = 10

/** A random id for a conversation or a message; `randomUUID` is missing on plain HTTP. */
export function newName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NAME_BYTES))
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, '0')).join('')
}
