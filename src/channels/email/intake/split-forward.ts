import { MAX_MATCHED_CHARACTERS } from './headers.ts'
import { APPENDED, FROM_LINE, isListOfMail, linesOf, withoutBlankEnds } from './strip-quotes.ts'

/** Lines that programs put before a mail that is passed on. */
const PASSED_ON =
  /^\s*(?:-{2,}\s*(?:forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|vidarebefordrat meddelande|videresendt (?:besked|melding)|пересылаемое сообщение|转发邮件|轉寄郵件)\s*-{2,}|(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message (?:réexpédié|transféré)|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht|vidarebefordrat brev)\s*[:：])\s*$/iu
/** The list of the mail begins so few lines behind that one. */
const LIST_LINES = 6

/** A mail that is passed on, apart from the words of who passes it on. */
export interface SplitForward {
  /** The person's own words; may be empty. */
  readonly text: string
  readonly from: string | null
  readonly forwarded: string
}

/** Where a mail begins that is passed on within another; null: nothing shows it. Pure. */
export function splitForward(text: string): SplitForward | null {
  const lines = linesOf(text)
  const at = lines.findIndex((line, index) => {
    const start = line.slice(0, MAX_MATCHED_CHARACTERS)
    return PASSED_ON.test(start) || APPENDED.test(start) || isListOfMail(lines, index, null)
  })
  if (at === -1) return null
  const rest = lines.slice(at)
  const from = rest
    .slice(0, LIST_LINES)
    .map((line) => FROM_LINE.exec(line.slice(0, MAX_MATCHED_CHARACTERS))?.[1])
    .find((value) => value !== undefined)
  return {
    text: withoutBlankEnds(lines.slice(0, at)).join('\n'),
    from: from?.trim() ?? null,
    forwarded: withoutBlankEnds(rest).join('\n'),
  }
}
