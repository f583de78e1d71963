/** U+2800, an empty Braille pattern, is in no class of Unicode that says so. */
const VISIBLE = /[^\s\0\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u

/** Does anything of `text` show? Platforms refuse a message of which nothing does. */
export function isVisible(text: string): boolean {
  return VISIBLE.test(text)
}
