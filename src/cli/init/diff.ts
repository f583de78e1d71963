import { fingerprint } from '../../support/secret.ts'
import { redact } from '../../support/text/redact.ts'
import { nameIn } from './dotenv-edit.ts'

export interface DiffLine {
  readonly sign: '+' | '-'
  readonly text: string
}

/** The removed and added lines, in the order of the file. */
export function diffLines(before: string, after: string): readonly DiffLine[] {
  const old = splitLines(before)
  const fresh = splitLines(after)
  // Lengths of the longest common subsequences of the remaining lines; the files are short.
  const rest: number[][] = Array.from({ length: old.length + 1 }, () =>
    Array<number>(fresh.length + 1).fill(0),
  )
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = fresh.length - 1; j >= 0; j--) {
      rest[i]![j] =
        old[i] === fresh[j] ? rest[i + 1]![j + 1]! + 1 : Math.max(rest[i + 1]![j]!, rest[i]![j + 1]!)
    }
  }
  const lines: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      i++
      j++
    } else if (j >= fresh.length || (i < old.length && rest[i + 1]![j]! >= rest[i]![j + 1]!)) {
      lines.push({ sign: '-', text: old[i++]! })
    } else {
      lines.push({ sign: '+', text: fresh[j++]! })
    }
  }
  return lines
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

/** Names of variables whose values must not be shown. */
const SECRET_NAME = /TOKEN|KEY|PASSWORD|SECRET|PROXY/

/** Replaces a secret value by its fingerprint. */
export function shownLine(line: string): string {
  const name = nameIn(line)
  if (name === null || !SECRET_NAME.test(name)) return redact(line)
  const value = line
    .slice(line.indexOf('=') + 1)
    .trim()
    .replaceAll(/^(["'`])(.*)\1$/g, '$2')
  return `${name}=[secret ${fingerprint(value)}]`
}
