/**
 * What the person wrote, without the quoted mail that it answers and without the signature. Pure.
 *
 * A quote before which or after which all of the new text stands is taken away; quotes with new text
 * between them stay, for they say what each part answers. Whatever is not recognised stays, too:
 * too much context is better than a lost sentence.
 *
 * @param text lines that end with `\n`
 * @param isReply only an answer quotes what was answered; in a forwarded mail the "quote" is the matter
 */
export function stripQuotes(text: string, isReply: boolean): string {
  let lines = text.split('\n').map((line) => (/^\s+$/.test(line) ? '' : line))
  if (isReply) {
    lines = withoutAppendedMail(lines)
    lines = withoutQuoteBelow(lines)
    lines = withoutQuoteAbove(lines)
  }
  return withoutBlankEnds(withoutSignature(lines)).join('\n')
}

const QUOTED = /^\s*>/
/** Verbs by which mail programs introduce a quote, in the languages that people use them in. */
const WROTE =
  /(?:\b(?:wrote|writes|schrieb|geschrieben|schreef|ha scritto|skrev|kirjoitti|napisał(?:\(a\)|a)?|napsala?|escribió|escreveu|írta)|a écrit|scrisse|yazdı|написал(?:\(а\)|а)?|пишет|писал(?:\(а\)|а)?|написав|έγραψε|写道|寫道|のメール|さんは書きました|님이 작성)[^\n]{0,80}?[:：]\s*$/iu
/** An introduction may be wrapped, rarely over more lines than this. */
const MAX_INTRODUCTION = 3
/** It names somebody or some time; a sentence such as "Then she wrote:" does neither. */
const NAMES_SOURCE = /@|\d{1,4}[./:-]\d{1,2}|\b(?:19|20)\d\d\b/

/** Lines behind which a whole mail is appended, without marks at its lines. */
const APPENDED =
  /^\s*(?:-{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|oprindelig meddelelse|ursprungligt meddelande|opprinnelig melding|alkuperäinen viesti|исходное сообщение|原始邮件|原始郵件)\s*-{2,}|_{20,})\s*$/iu
/** The names under which programs list whom an appended mail is from, and when it was sent. */
const FROM_LINE =
  /^\*?\s*(?:from|von|de|da|van|från|fra|od|от|lähettäjä|发件人|寄件者|差出人)\s*\*?\s*[:：]\s*\*?\s*\S/iu
const SENT_LINE =
  /^\*?\s*(?:sent|date|gesendet|datum|envoyé|enviado(?: el| em)?|enviada(?: em)?|fecha|data|inviato|verzonden|skickat|sendt|dato|wysłano|отправлено|дата|lähetetty|发送时间|寄件日期|送信日時)\s*\*?\s*[:：]/iu
/** The list of an appended mail begins within so few lines with both. */
const LIST_LINES = 4

function withoutAppendedMail(lines: readonly string[]): string[] {
  const at = lines.findIndex((line, index) => {
    if (QUOTED.test(line)) return false
    const following = () => lines.slice(index + 1, index + 1 + LIST_LINES)
    if (APPENDED.test(line)) return !/^\s*_+/.test(line) || following().some((next) => FROM_LINE.test(next))
    return FROM_LINE.test(line) && following().some((next) => SENT_LINE.test(next))
  })
  return at === -1 ? [...lines] : lines.slice(0, at)
}

/** The quote at the end, its introduction included, if nothing but a signature follows. */
function withoutQuoteBelow(lines: readonly string[]): string[] {
  const last = withoutBlankEnds(withoutSignature(lines)).length
  const body = withoutBlankEnds(withoutSignature(lines), false)
  let start = body.length
  while (start > 0 && (body[start - 1] === '' || QUOTED.test(body[start - 1]!))) start--
  const introduced = introductionBefore(body, start)
  if (last === 0 || (start === body.length && introduced === start)) return [...lines]
  if (!body.slice(start).some((line) => QUOTED.test(line)) && introduced === start) return [...lines]
  // With a quote above the text as well, the text stands between what it answers.
  return body.slice(0, introduced).some((line) => QUOTED.test(line)) ? [...lines] : body.slice(0, introduced)
}

/** The quote at the beginning, if all of the new text stands below it. */
function withoutQuoteAbove(lines: readonly string[]): string[] {
  let start = lines.findIndex((line) => line !== '')
  if (start === -1) return [...lines]
  const introduced = introductionAt(lines, start)
  start = introduced ?? start
  let end = start
  while (end < lines.length && (lines[end] === '' || QUOTED.test(lines[end]!))) end++
  const rest = lines.slice(end)
  const quotes = lines.slice(start, end).some((line) => QUOTED.test(line))
  if (!quotes || rest.length === 0 || rest.some((line) => QUOTED.test(line))) return [...lines]
  return rest
}

/** Where the introduction that ends just before `end` begins; `end` = there is none. */
function introductionBefore(lines: readonly string[], end: number): number {
  let last = end
  while (last > 0 && lines[last - 1] === '') last--
  let shortest: number | null = null
  for (let count = 1; count <= MAX_INTRODUCTION && count <= last; count++) {
    const begin = last - count
    if (lines[begin] === '') break
    if (!isIntroduction(lines.slice(begin, last))) continue
    shortest ??= begin
    // Wrapped over lines, it is a paragraph of its own.
    if (begin === 0 || lines[begin - 1] === '') return begin
  }
  return shortest ?? end
}

/** Behind the introduction that begins at `start`; null = there is none. */
function introductionAt(lines: readonly string[], start: number): number | null {
  for (let count = 1; count <= MAX_INTRODUCTION; count++) {
    if (isIntroduction(lines.slice(start, start + count))) return start + count
  }
  return null
}

function isIntroduction(lines: readonly string[]): boolean {
  const text = lines.join(' ').trim()
  return WROTE.test(text) && NAMES_SOURCE.test(text)
}

/** A signature is short; what is longer was meant to be read. */
const MAX_SIGNATURE_LINES = 20
/** What telephones add by themselves. */
const SENT_FROM =
  /^(?:sent from my |get outlook for |von meinem .{2,30} gesendet|gesendet (?:von|mit) |diese nachricht wurde von meinem |envoyé (?:de|depuis) mon |enviado (?:desde|do) (?:mi|meu) |inviato da(?:l mio)? |verstuurd vanaf mijn |skickat från min |отправлено с )/iu

function withoutSignature(lines: readonly string[]): string[] {
  let end = lines.length
  while (end > 0 && lines[end - 1] === '') end--
  const kept = lines.slice(0, end)
  // The last one: an earlier `--` may be a line of the text. @see RFC 3676 §4.3
  const mark = kept.findLastIndex((line) => /^-- ?$/.test(line))
  if (mark !== -1 && kept.length - mark - 1 <= MAX_SIGNATURE_LINES) return kept.slice(0, mark)
  if (SENT_FROM.test(kept.at(-1)?.trim() ?? '')) return kept.slice(0, -1)
  return [...lines]
}

function withoutBlankEnds(lines: readonly string[], both = true): string[] {
  let start = 0
  let end = lines.length
  while (end > 0 && lines[end - 1] === '') end--
  while (both && start < end && lines[start] === '') start++
  return lines.slice(start, end)
}
