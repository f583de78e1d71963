import { checkSync } from 'recheck'
import { expect, test } from 'vitest'
import { patternsOf, withSmallCounts } from './patterns.ts'

// The checker in JavaScript: the others need Java, or a program for this machine.
process.env['RECHECK_BACKEND'] = 'pure'

/** One check on a busy machine; on an idle one the longest takes a second or two. */
const CHECK_MS = 60_000

/** Patterns that the checker does not find to be linear, and why they may stand where they do. */
const BOUNDED: Readonly<Record<string, string>> = {
  '/\\/+$/': 'an address of the configuration',
  '/(?<!\\d)\\d{6,}(?::|%3A)[A-Za-z0-9_-]{30,}/gi': 'a run of digits is entered at its beginning alone',
  '/(?<![\\w-])[\\w-]+#[\\w-]{40,}/g': 'a word is entered at its beginning alone',
  '/([?&#](?:code|state|access_token|refresh_token|token|ticket|code_verifier|client_secret)=)[^&\\s"\']+/gi':
    'begins at a sign and a name, and takes all that it reads',
  '/-----BEGIN CERTIFICATE-----[\\s\\S]+?-----END CERTIFICATE-----/g': 'a file of the operator',
  '/ on (\\/.*) \\(([^,)]+)/': 'what the machine says of its file systems',
  '/\\s*\\S+\\s*$|\\s*\\S+/g': 'the sandbox cuts its own answers',
  '/^(["\'`])(.*)\\1$/g': 'a line of the configuration',
  '/^[^\\S\\n]*(?:export[^\\S\\n]+)?([A-Za-z_]\\w*)[^\\S\\n]*=[^\\S\\n]*([^\\s\'"`#].*)$/gm': 'the .env file',
  '/\\s+#.*/': 'the .env file',
  '/^(?:mailer-daemon|postmaster|mail-daemon|daemon|bounces?|(?:.*[._+-])?(?:no|do[._-]?not)[._-]?reply(?:[._+-].*)?|bounces?[+-].*)$/':
    'the local part of a mail address, at most 254 characters',
  '/<[^>]*>/g': 'HTML of ours, in which every < has its >',
  // Meets text of strangers of any length.
  '/(?:\\b(?:wrote|writes|schrieb|geschrieben|schreef|ha scritto|skrev|kirjoitti|napisał(?:\\(a\\)|a)?|napsala?|escribió|escreveu|írta)|a écrit|scrisse|yazdı|написал(?:\\(а\\)|а)?|пишет|писал(?:\\(а\\)|а)?|написав|έγραψε|写道|寫道|のメール|さんは書きました|님이 작성)[^\\n]{0,80}?[:：]\\s*$/iu':
    'not bounded',
  '/^\\*?\\s*(?:from|von|de|da|van|från|fra|od|от|lähettäjä|发件人|寄件者|差出人)\\s*\\*?\\s*[:：]\\s*\\*?\\s*\\S/iu':
    'not bounded',
  '/^\\*?\\s*(?:sent|date|gesendet|datum|envoyé|enviado(?: el| em)?|enviada(?: em)?|fecha|data|inviato|verzonden|skickat|sendt|dato|wysłano|отправлено|дата|lähetetty|发送时间|寄件日期|送信日時)\\s*\\*?\\s*[:：]/iu':
    'not bounded',
  "/^\\s*(?:-{2,}\\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|oprindelig meddelelse|ursprungligt meddelande|opprinnelig melding|alkuperäinen viesti|исходное сообщение|原始邮件|原始郵件)\\s*-{2,}|_{20,})\\s*$/iu":
    'not bounded',
  '/^\\s*(?:re|aw|antw|antwort|sv|vs|odp|rif|rép|resp|ynt|atb|回复|回覆|ответ)\\s*(?:\\[\\d+\\]|\\(\\d+\\))?\\s*[:：]/iu':
    'not bounded',
  '/\\([^)]*\\)/g': 'not bounded',
}

test(
  'every pattern of the program and of the page is linear, or bounded for a reason',
  { timeout: 300_000 },
  () => {
    const patterns = patternsOf(['src/**/*.ts', 'web/src/**/*.{ts,tsx}'])
    expect(patterns.length).toBeGreaterThan(200)
    expect(Object.keys(BOUNDED).filter((text) => !patterns.some((pattern) => pattern.text === text))).toEqual(
      [],
    )
    const suspects = patterns.flatMap(({ text, source, flags, places }) => {
      const simple = text in BOUNDED ? null : withSmallCounts(source)
      if (simple === null) return []
      const { status } = checkSync(simple, flags, { timeout: CHECK_MS, randomSeed: 1 })
      return status === 'safe' ? [] : [`${status}: ${text} (${places.join(', ')})`]
    })
    expect(suspects).toEqual([])
  },
)

test('the checker finds what costs the square of its length', () => {
  for (const source of ['\\([^)]*\\)', '[>)]+$', '^[a-z\\s]*={0,2}\\s*$', '(?:a+)+b'])
    expect(checkSync(withSmallCounts(source)!, '').status).toBe('vulnerable')
  for (const source of ['^[a-z]*$', 'code=[^&]{4,}', '^a{1,512}b']) {
    const simple = withSmallCounts(source)
    expect(simple === null ? 'safe' : checkSync(simple, '').status).toBe('safe')
  }
})
