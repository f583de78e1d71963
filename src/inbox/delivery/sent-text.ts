/** Between what only the reader sees before an answer and the answer. */
const GAP = '\n\n'

/** An answer as its reader sees it, in a draft and in the end: the preface, if there is one, and the text. */
export function sentText(preface: string | null, text: string): string {
  return preface === null || preface === '' ? text : preface + GAP + text
}
