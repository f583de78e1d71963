const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  KiB: 1_024,
  MiB: 1_024 ** 2,
}

/** What a size in the configuration looks like: `65536`, `64KiB`, `64KB`, `1MiB`. */
export const BYTE_SIZE_PATTERN = /^([1-9]\d{0,8})(B|[kK]B|MB|KiB|MiB)?$/

export const BYTE_SIZE_EXAMPLES = 'a number of bytes such as 64KiB, 64KB, 1MiB or 65536'

/** `64KiB` in bytes. @throws RangeError when `text` is no size */
export function parseByteSize(text: string): number {
  const [, number, unit = ''] = BYTE_SIZE_PATTERN.exec(text) ?? []
  if (number === undefined) throw new RangeError(`not ${BYTE_SIZE_EXAMPLES}`)
  return Number(number) * UNITS[unit]!
}
