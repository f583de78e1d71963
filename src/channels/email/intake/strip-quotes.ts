import type { MailAddress } from '../mail-address.ts'
import { MAX_MATCHED_CHARACTERS } from './headers.ts'

/**
 * What the person wrote, without the quoted mail that it answers and without the signature. Pure.
 *
 * A quote before which or after which all of the new text stands is taken away; quotes with new text
 * between them stay, for they say what each part answers. Whatever is not recognised stays, too:
 * too much context is better than a lost sentence.
 *
 * @param text lines that end with `\n`
 * @param isReply only an answer quotes what was answered; in a forwarded mail the "quote" is the matter
 * @param own our address: a mail appended to an answer is one of ours. Null: any may be
 */
export function stripQuotes(text: string, isReply: boolean, own: MailAddress | null = null): string {
  return splitQuotes(text, isReply, own).text
}

/**
 * As `stripQuotes`, with what was taken away; `quoted` null = nothing, or our own words, which the conversation
 * has already.
 */
export function splitQuotes(
  text: string,
  isReply: boolean,
  own: MailAddress | null = null,
): { readonly text: string; readonly quoted: string | null } {
  const lines = linesOf(text)
  // A beginning of the lines, and then an end of that.
  const front = isReply ? withoutQuoteBelow(withoutAppendedMail(lines, own)) : lines
  const kept = isReply ? withoutQuoteAbove(front) : front
  const taken = [...front.slice(0, front.length - kept.length), ...lines.slice(front.length)]
  return { text: withoutBlankEnds(withoutSignature(kept)).join('\n'), quoted: othersWords(taken, own) }
}

export function linesOf(text: string): readonly string[] {
  return text.split('\n').map((line) => (line.trim() === '' ? '' : line))
}

/** One mark less before each line: what is quoted is marked as such in another way. */
function othersWords(taken: readonly string[], own: MailAddress | null): string | null {
  const introduction = taken
    .filter((line) => !QUOTED.test(line))
    .join(' ')
    .toLowerCase()
  if (own !== null && introduction.includes(own.toLowerCase())) return null
  const words = withoutBlankEnds(taken.map((line) => line.replace(/^\s*> ?/, ''))).join('\n')
  return words.trim() === '' ? null : words
}

const QUOTED = /^\s*>/
/** Verbs by which mail programs introduce a quote, in the languages that people use them in. */
const WROTE =
  /(?:\b(?:wrote|writes|schrieb|geschrieben|schreef|ha scritto|skrev|kirjoitti|napisał(?:\(a\)|a)?|napsala?|escribió|escreveu|a scris)|đã viết|تمت كتابة|írta|a écrit|scrisse|yazdı|написал(?:\(а\)|а)?|пишет?|писал(?:\(а\)|а)?|написав|έγραψε|写道|寫道|のメール|さんは書きました|님이 작성)[^\n]{0,80}?[:：]$/iu
/** An introduction may be wrapped, rarely over more lines than this. */
const MAX_INTRODUCTION = 3
/** It names somebody or some time; a sentence such as "Then she wrote:" does neither. */
const NAMES_SOURCE = /@|\d{1,4}[./:-]\d{1,2}|\b(?:19|20)\d\d\b/
const YEAR = /(?<!\d)(?:19|20)\d\d(?!\d)/
const DATE = /(?<!\d)(?:(?:19|20)\d\d(?!\d)|\d{1,4}[./-]\d{1,2}[./-]\d{1,4})/
/** How an introduction begins: with a day, mostly behind one of these words, or with a name and its address. */
const LEADING_SIGNS = /^[^\p{L}\p{N}]+/u
const BEGINS_WITH_DAY =
  /^(?:(?:on|am|le|el|il|in data|op|em|den|dne|pe|la|în|w dniu|dnia|στις|в|у|在)(?:\s{1,3}\S{1,30}){0,2}\s{0,3}\S{0,30}\d|\p{L}{2,12}[.,]{0,2}\s\d|\d)/iu
const BEGINS_WITH_NAME = /^[^<>]{0,100}<[^<>\s]{1,254}>/
/** A sentence of the person's own. */
const ENDS_SENTENCE = /[!?。！？]$/u

/** Lines behind which a whole mail is appended, without marks at its lines. */
export const APPENDED =
  /^\s*-{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|oprindelig meddelelse|ursprungligt meddelande|opprinnelig melding|alkuperäinen viesti|исходное сообщение|原始邮件|原始郵件)\s*-{2,}\s*$/iu
const RULE = /^\s*(?:_{20,}|-{20,})\s*$/
/** The names under which programs list whom an appended mail is from, when it was sent, and what it is about. */
export const FROM_LINE =
  /^[\s*]*(?:from|von|de|da|van|från|fra|od|от|lähettäjä|发件人|寄件者|差出人)[\s*]*[:：][\s*]*([^\s*].*)$/iu
const SENT_LINE =
  /^[\s*]*(?:sent|date|gesendet|datum|envoyé|enviado(?: el| em)?|enviada(?: em)?|fecha|data|inviato|verzonden|skickat|sendt|dato|wysłano|отправлено|дата|lähetetty|发送时间|寄件日期|送信日時)[\s*]*[:：](.*)$/iu
const SUBJECT_LINE =
  /^[\s*]*(?:subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|тема|aihe|主题|主旨|件名)[\s*]*[:：]/iu
/** The list of an appended mail begins within so few lines with all three. */
const LIST_LINES = 6
/** A program shows when a mail was sent to the minute. */
const TIME = /\d{1,2}[:.h]\d{2}/
/** Outlook writes it in front of every date, in all languages; a form, seldom. */
const BEGINS_WITH_WEEKDAY = /^[\s*]*\p{L}{2,20}[.,]?\s/u
/** A date as it is written in a mail's header, which people paste and no program lists. @see RFC 5322 §3.3 */
const HEADER_DATE = /\d\d:\d\d(?::\d\d)? [+-]\d{4}/
const ADDRESS = /[^\s<>()[\]"'@:;,]{1,64}@[^\s<>()[\]"'@:;,]{1,255}/

function withoutAppendedMail(lines: readonly string[], own: MailAddress | null): string[] {
  const at = lines.findIndex((line, index) => {
    if (QUOTED.test(line)) return false
    if (APPENDED.test(start(line)) || isListOfMail(lines, index, own)) return true
    if (!RULE.test(start(line))) return false
    const next = lines[index + 1] === '' ? index + 2 : index + 1
    return next < lines.length && isListOfMail(lines, next, own)
  })
  // With nothing before it, it is what the person sent.
  return at === -1 || lines.slice(0, at).every((line) => line === '') ? [...lines] : lines.slice(0, at)
}

/**
 * Does the list of an appended mail's sender, date and subject begin here? People write `From:` and
 * `Date:` as well: of a train, in a form, or with a header that they ask about.
 */
export function isListOfMail(lines: readonly string[], at: number, own: MailAddress | null): boolean {
  const from = FROM_LINE.exec(start(lines[at]!))?.[1]
  if (from === undefined) return false
  const following = lines.slice(at + 1, at + LIST_LINES).map(start)
  const sent = following.map((line) => SENT_LINE.exec(line)?.[1]).find((value) => value !== undefined)
  if (sent === undefined || !YEAR.test(sent) || !TIME.test(sent) || HEADER_DATE.test(sent)) return false
  const address = ADDRESS.exec(from)?.[0].toLowerCase()
  if (address !== undefined) return own === null || address === own
  // A name alone may be a place: then it is such a list only in the full form that Outlook gives it.
  const subject = following.findIndex((line) => SUBJECT_LINE.test(line))
  return subject !== -1 && BEGINS_WITH_WEEKDAY.test(sent) && (following[subject + 1] ?? '') === ''
}

/** As much of a line as a pattern is given: what programs write there is short. */
function start(line: string): string {
  return line.slice(0, MAX_MATCHED_CHARACTERS)
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

/** The quote at the beginning, if all of the new text is below it. */
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
    const introduction = lines.slice(begin, last)
    if (!isIntroduction(introduction)) continue
    if (count === 1 ? DATE.test(lines[begin]!) : isWhole(introduction))
      return begin - namesAbove(lines, begin)
    shortest ??= begin
  }
  // Part of a longer one, perhaps: but the lines above may be the person's own words.
  return shortest ?? end
}

/** Lines above that belong to an introduction which continues without a name: `Anna <anna@example.org>` alone. */
function namesAbove(lines: readonly string[], begin: number): number {
  const above = lines[begin - 1] ?? ''
  const alone = BEGINS_WITH_NAME.test(above) && /[>,]$/.test(above.trimEnd())
  return alone && !lines[begin]!.includes('@') && !BEGINS_WITH_DAY.test(lines[begin]!) ? 1 : 0
}

/** Behind the introduction that begins at `start`; null = there is none. */
function introductionAt(lines: readonly string[], start: number): number | null {
  for (let count = 1; count <= MAX_INTRODUCTION; count++) {
    const introduction = lines.slice(start, start + count)
    if (isIntroduction(introduction) && (count === 1 || isWhole(introduction))) return start + count
  }
  return null
}

function isIntroduction(lines: readonly string[]): boolean {
  const text = lines.join(' ').trim()
  return text.length <= MAX_MATCHED_CHARACTERS && WROTE.test(text) && NAMES_SOURCE.test(text)
}

/** Is it an introduction from its first line on, which has been wrapped? */
function isWhole(introduction: readonly string[]): boolean {
  const first = start(introduction[0] ?? '')
  const text = introduction.join(' ')
  if (introduction.slice(0, -1).some((line) => ENDS_SENTENCE.test(line.trimEnd()))) return false
  if (!DATE.test(text) || !TIME.test(text)) return false
  return BEGINS_WITH_DAY.test(first.replace(LEADING_SIGNS, '')) || BEGINS_WITH_NAME.test(first)
}

/** A signature is short; what is longer was meant to be read. */
const MAX_SIGNATURE_LINES = 20
/** What telephones add automatically. */
const SENT_FROM =
  /^(?:sent from my |get outlook for |von meinem .{2,30} gesendet|gesendet (?:von|mit) |diese nachricht wurde von meinem |envoyé (?:de|depuis) mon |enviado (?:desde|do) (?:mi|meu) |inviato da(?:l mio)? |verstuurd vanaf mijn |skickat från min |отправлено с )/iu

function withoutSignature(lines: readonly string[]): string[] {
  let end = lines.length
  while (end > 0 && lines[end - 1] === '') end--
  const kept = lines.slice(0, end)
  // With its space: without it, it is a rule, or the end of something. The last one, for an earlier
  // one may be a line of the text. @see RFC 3676 §4.3
  const mark = kept.lastIndexOf('-- ')
  if (mark !== -1 && kept.length - mark - 1 <= MAX_SIGNATURE_LINES) return kept.slice(0, mark)
  if (SENT_FROM.test(start(kept.at(-1)?.trim() ?? ''))) return kept.slice(0, -1)
  return [...lines]
}

export function withoutBlankEnds(lines: readonly string[], both = true): string[] {
  let start = 0
  let end = lines.length
  while (end > 0 && lines[end - 1] === '') end--
  while (both && start < end && lines[start] === '') start++
  return lines.slice(start, end)
}
