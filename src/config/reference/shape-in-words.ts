import type { Shape } from '../shape/shape.ts'

/** The values allowed, for people: `a list; each: a numeric id`. */
export function shapeInWords({ words, item }: Shape<unknown>): string {
  if (item?.keys ?? item?.variants) return `${words} of sections`
  return item === undefined ? words : `${words}; each: ${item.words}`
}
