/** What patterns that are quadratic stumble over, in runs. */
export const HOSTILE_PIECES = [
  ' ',
  '(',
  ')',
  'a',
  '0',
  '#',
  '[',
  '![',
  '](',
  '[a]: b\n',
  'code=',
  'code=aaaa#',
  'a#b ',
  'a.b-c_',
  '>',
  '`',
  '*',
  '\n',
] as const

/** A run of `piece`, with an end that lets no greedy pattern succeed. */
export function hostileText(piece: string, length: number): string {
  return `x${piece.repeat(Math.ceil(length / piece.length)).slice(0, length - 2)}!`
}
