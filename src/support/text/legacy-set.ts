/** Bytes by which a set is known. */
const SAMPLE_BYTES = 64 * 1024
/** Western Europe and America; every byte is a character in it. */
const DEFAULT_SET = 'windows-1252'

interface LegacySet {
  readonly name: string
  /** How much of a text beyond ASCII speaks for the set, from 0 to 1. */
  readonly share: (text: string, bytes: Uint8Array) => number
  /** Texts in other sets have less of it. */
  readonly least: number
}

/** In the order of how sure their signs are. */
const SETS: readonly LegacySet[] = [
  { name: 'shift_jis', share: shareOf(/[\u3041-\u30fe]/u), least: 0.15 },
  { name: 'euc-jp', share: shareOf(/[\u3041-\u30fe]/u), least: 0.15 },
  { name: 'euc-kr', share: shareOf(/[\uac00-\ud7a3]/u), least: 0.85 },
  // The characters in use come before the rare ones.
  { name: 'gb18030', share: shareOfPairs(0xb0, 0xd7, 0xa1), least: 0.7 },
  { name: 'big5', share: shareOfPairs(0xa4, 0xc6, 0x40), least: 0.7 },
  { name: 'windows-1251', share: shareOf(/[а-яіїєґё]/u), least: 0.6 },
  // What is small in it would be capitals in the one before.
  { name: 'koi8-u', share: shareOf(/[а-яіїєґё]/u), least: 0.6 },
]

/** The 8-bit set of a text that does not say it and is not UTF-8, as its own bytes tell. Pure. */
export function legacySetOf(bytes: Uint8Array): string {
  const sample = bytes.subarray(0, SAMPLE_BYTES)
  if (isMostlyIsolated(sample)) return DEFAULT_SET
  const set = SETS.find(({ name, share, least }) => {
    const text = new TextDecoder(name).decode(sample)
    return !hasBroken(text) && share(text, sample) >= least
  })
  return set?.name ?? DEFAULT_SET
}

/** Letters with marks stand alone among plain ones; where a script has its own, they stand side by side. */
function isMostlyIsolated(bytes: Uint8Array): boolean {
  let high = 0
  let isolated = 0
  for (const [at, byte] of bytes.entries()) {
    if (byte < 0x80) continue
    high++
    if ((bytes[at - 1] ?? 0) < 0x80 && (bytes[at + 1] ?? 0) < 0x80) isolated++
  }
  return isolated * 2 > high
}

/** A sample may end within a character; anything else that is broken means another set. */
function hasBroken(text: string): boolean {
  return text.slice(0, -1).includes('\ufffd')
}

function shareOf(typical: RegExp): LegacySet['share'] {
  return (text) => {
    let all = 0
    let found = 0
    for (const character of text) {
      if (character <= '\u007f') continue
      all++
      if (typical.test(character)) found++
    }
    return found / Math.max(1, all)
  }
}

function shareOfPairs(from: number, to: number, leastTrail: number): LegacySet['share'] {
  return (_text, bytes) => {
    let all = 0
    let found = 0
    for (let at = 0; at < bytes.length; at++) {
      const lead = bytes[at]!
      if (lead < 0x80) continue
      all++
      if (lead >= from && lead <= to && bytes[at + 1]! >= leastTrail) found++
      at++
    }
    return found / Math.max(1, all)
  }
}
