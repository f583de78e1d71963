import { expect, test } from 'vitest'
import { cpuMsOf } from '../../../../test/support/cpu-time.ts'
import { stripQuotes } from './strip-quotes.ts'

const reply = (...lines: readonly string[]) => stripQuotes(lines.join('\n'), true)

test.each([
  [
    'Gmail',
    [
      'Thanks!',
      '',
      'On Mon, Nov 23, 2026 at 9:12 AM Bot <bot@bot.test> wrote:',
      '',
      '> Hello',
      '> there',
      '',
    ],
  ],
  [
    'Gmail, wrapped',
    [
      'Thanks!',
      '',
      'On Mon, Nov 23, 2026 at 9:12 AM A Very Long Name',
      '<bot@bot.test> wrote:',
      '',
      '> Hello',
    ],
  ],
  ['Apple Mail', ['Thanks!', '', '> On 23. Nov 2026, at 09:12, bot@bot.test wrote:', '> ', '> Hello']],
  ['Thunderbird', ['Thanks!', '', 'On 11/23/26 09:12, Bot wrote:', '> Hello']],
  ['German', ['Thanks!', '', 'Am Mo., 23. Nov. 2026 um 09:12 Uhr schrieb Bot <bot@bot.test>:', '> Hallo']],
  ['French', ['Thanks!', '', 'Le lun. 23 nov. 2026 à 09:12, Bot <bot@bot.test> a écrit :', '', '> Bonjour']],
  ['Spanish', ['Thanks!', '', 'El lun, 23 nov 2026 a las 9:12, Bot (<bot@bot.test>) escribió:', '> Hola']],
  [
    'Italian',
    ['Thanks!', '', 'Il giorno lun 23 nov 2026 alle ore 09:12 Bot <bot@bot.test> ha scritto:', '> Ciao'],
  ],
  ['Dutch', ['Thanks!', '', 'Op ma 23 nov 2026 om 09:12 schreef Bot <bot@bot.test>:', '> Hallo']],
  ['Polish', ['Thanks!', '', 'pon., 23 lis 2026 o 09:12 Bot <bot@bot.test> napisał(a):', '> Cześć']],
  [
    'Russian',
    ['Thanks!', '', 'пн, 23 нояб. 2026 г. в 09:12, Bot <bot@bot.test>:', '> Привет'],
    'Thanks!\n\nпн, 23 нояб. 2026 г. в 09:12, Bot <bot@bot.test>:',
  ],
  [
    'Outlook',
    [
      'Thanks!',
      '',
      '________________________________',
      'From: Bot <bot@bot.test>',
      'Sent: Monday, November 23, 2026 9:12 AM',
      'To: Anna',
      'Subject: Hello',
      '',
      'Hello there',
    ],
  ],
  ['older Outlook', ['Thanks!', '', '-----Original Message-----', 'From: Bot', 'Hello']],
  [
    'Outlook in German',
    [
      'Thanks!',
      '',
      'Von: Bot <bot@bot.test>',
      'Gesendet: Montag, 23. November 2026 09:12',
      'An: Anna',
      'Betreff: Hallo',
      '',
      'Hallo',
    ],
  ],
  [
    'Outlook in French',
    [
      'Thanks!',
      '',
      'De : Bot <bot@bot.test>',
      'Envoyé : lundi 23 novembre 2026 09:12',
      'À : Anna',
      '',
      'Bonjour',
    ],
  ],
  [
    'a signature and a quote',
    ['Thanks!', '', '-- ', 'Anna', 'Example Ltd', '', 'On 2026-11-23 09:12, Bot wrote:', '> Hello'],
  ],
  [
    'a quote and a signature',
    ['Thanks!', '', 'On 2026-11-23 09:12, Bot wrote:', '> Hello', '', '-- ', 'Anna'],
  ],
  ['an answer below the quote', ['On 2026-11-23 09:12, Bot wrote:', '> Hello', '> there', '', 'Thanks!']],
  ['a quote without an introduction', ['Thanks!', '', '> Hello']],
  [
    'a telephone',
    [
      'Thanks!',
      '',
      'Sent from my iPhone',
      '',
      'On 23 Nov 2026, at 09:12, Bot <bot@bot.test> wrote:',
      '',
      '> Hello',
    ],
  ],
  ['a German telephone', ['Thanks!', '', 'Von meinem iPhone gesendet']],
])('only what is new is left of an answer by %s', (_program, lines, expected = 'Thanks!') => {
  expect(reply(...lines)).toBe(expected)
})

test('answers between the quotes keep them, for they say what each answers', () => {
  const lines = ['On 2026-11-23 09:12, Bot wrote:', '> One?', 'Yes.', '> Two?', 'No.']
  expect(reply(...lines)).toBe(lines.join('\n'))
})

test.each([
  [['Then she wrote:', '', 'Dear all']],
  [['From: here', 'to there it is far.']],
  [['a', '--', ...Array.from({ length: 30 }, (_, index) => `line ${index}`)]],
  [['> quoted by hand', 'and what I think of it', '> and again']],
  [['  indented', '', 'code  ']],
])('what is no quote and no signature stays: %j', (lines) => {
  expect(reply(...lines)).toBe(lines.join('\n'))
})

test('in a mail that answers nothing a quote is the matter', () => {
  const lines = [
    'Please sum this up:',
    '',
    '---------- Forwarded message ---------',
    'From: Ben <ben@example.org>',
    'Date: Mon, Nov 23, 2026',
    '',
    '> Hello',
  ]
  expect(stripQuotes(lines.join('\n'), false)).toBe(lines.join('\n'))
})

test('a signature is no part of any mail', () => {
  expect(stripQuotes('Hello\n\n-- \nAnna\n', false)).toBe('Hello')
  expect(stripQuotes('\n\nHello\n\n', false)).toBe('Hello')
})

const INTRODUCTIONS = [
  'On Mon, 1 Dec 2025 at 10:00, Bot <bot@example.org> wrote:',
  'On Mon, Nov 23, 2026 at 9:12 AM A Very Long Name\n<bot@bot.test> wrote:',
  'On 11/23/26 09:12, Bot wrote:',
  'Bot <bot@bot.test> writes:',
  'Am Mo., 23. Nov. 2026 um 09:12 Uhr schrieb Bot <bot@bot.test>:',
  'Bot schrieb am 23.11.2026 um 09:12:',
  'Le lun. 23 nov. 2026 à 09:12, Bot <bot@bot.test> a écrit :',
  'El lun, 23 nov 2026 a las 9:12, A Very Long Name (<bot@bot.test>)\nescribió:',
  'Il giorno lun 23 nov 2026 alle ore 09:12 Bot <bot@bot.test> ha scritto:',
  'Em seg., 23 de nov. de 2026 às 09:12, Bot <bot@bot.test> escreveu:',
  'Op ma 23 nov 2026 om 09:12 schreef Bot <bot@bot.test>:',
  'Den mån 23 nov. 2026 kl 09:12 skrev Bot <bot@bot.test>:',
  'man. 23. nov. 2026 kl. 09:12 skrev Bot <bot@bot.test>:',
  'ma 23. marrask. 2026 klo 9.12 Bot (bot@bot.test) kirjoitti:',
  'pon., 23 lis 2026 o 09:12 Bot <bot@bot.test> napisał(a):',
  'po 23. 11. 2026 v 9:12 odesílatel Bot <bot@bot.test> napsal:',
  'Pe lun., 23 nov. 2026 la 09:12, Bot <bot@bot.test> a scris:',
  'Bot <bot@bot.test> ezt írta (időpont: 2026. nov. 23., H, 9:12):',
  'Bot <bot@bot.test>, 23 Kas 2026 Pzt, 09:12 tarihinde şunu yazdı:',
  'A Very Long Name <bot@bot.test>, 23 Kas 2026 Pzt,\n09:12 tarihinde şunu yazdı:',
  'пн, 23 нояб. 2026 г. в 09:12, Bot <bot@bot.test> написал(а):',
  'пн, 23 лист. 2026 р. о 09:12 Bot <bot@bot.test> пише:',
  'Στις Δευ, 23 Νοε 2026 στις 9:12 π.μ., ο χρήστης Bot <bot@bot.test> έγραψε:',
  'Bot <bot@bot.test> 于2026年11月23日周一 09:12写道：',
  'A Very Long Name <bot@bot.test>\n于2026年11月23日周一 09:12写道：',
  'Bot <bot@bot.test> 於 2026年11月23日 週一 上午9:12寫道：',
  '2026年11月23日(月) 9:12 Bot さんは書きました:',
  '2026년 11월 23일 (월) 오전 9:12, Bot <bot@bot.test>님이 작성:',
  'Vào Th 2, 23 thg 11, 2026 vào lúc 09:12 Bot <bot@bot.test> đã viết:',
  'في الاثنين، 23 نوفمبر 2026 في 9:12 ص تمت كتابة ما يلي بواسطة Bot <bot@bot.test>:',
]

test.each(INTRODUCTIONS)('the words directly above an introduction are kept: %s', (introduction) => {
  expect(reply('My question', introduction, '> old')).toBe('My question')
  const two = 'On 5 June at 10:00 I go.\nWhat do you say to the year 2026?'
  expect(reply(two, introduction, '> old')).toBe(two)
  expect(reply('Before', introduction, '> old', '', 'after')).toContain('Before')
  expect(reply(introduction, '> old', '', 'after')).toBe('after')
})

test.each([
  'Book a trip.\nFrom: Berlin\nTo: Rome\nDate: 5 June\nHow much?',
  'De: Paris\nDate: 5/6\nQuel train?',
  'Von: Berlin\nNach: Rom\nDatum: 5. Juni 2026, 10:30 Uhr\nWas kostet das?',
  'Is this spam?\nFrom: Win <win@example.com>\nDate: Mon, 1 Dec 2025 10:00:00 +0100\nSubject: You won\nWell?',
  'Look:\n________________________________\nFrom: Berlin\nTo: Rome',
  'Prenota.\nDa: Milano\nA: Roma\nData: 5 giugno 2026 10:30\nOggetto: treno\n\nQuanto costa?',
  'Reserva\nDe: Madrid\nFecha: 5/6/2026 10:30\nAsunto: tren\n¿cuánto?',
  'Booking\nFrom: 10:30\nDate: 2026-06-05 10:30\nSubject: haircut\nthanks',
  'A table:\nFrom: Anna\nDate: Friday, 5 June 2026, 10:30\nSubject: lunch\nFor how many?',
  'From: Bot <bot@bot.test>\nSent: Monday, November 23, 2026 9:12 AM\nSubject: this is all',
])('people write From and Date as well: %j', (text) => {
  expect(reply(text)).toBe(text)
})

test('of a mail with its list only one of ours is taken for what was answered', () => {
  const list = (from: string) =>
    `Spam?\n\nFrom: ${from}\nSent: Monday, November 23, 2026 9:12 AM\nTo: x\nSubject: y\n\nold`
  expect(stripQuotes(list('Bot <Bot@bot.test>'), true, 'bot@bot.test')).toBe('Spam?')
  expect(stripQuotes(list('bot@bot.test [mailto:bot@bot.test]'), true, 'bot@bot.test')).toBe('Spam?')
  expect(stripQuotes(list('Bot'), true, 'bot@bot.test')).toBe('Spam?')
  const other = list('Win <win@example.com>')
  expect(stripQuotes(other, true, 'bot@bot.test')).toBe(other)
})

test.each([
  'Translate:\n--\nGuten Tag, wie geht es?',
  '- flour\n- sugar\n--\nMix it.',
  'a: 1\n--\nb: 2\n--\nc: 3',
])('two dashes are a rule, and no signature: %j', (text) => {
  expect(stripQuotes(text, false)).toBe(text)
  expect(reply(text)).toBe(text)
})

const MANY = 60_000

test.each([
  ['from', `from${' '.repeat(MANY)}x`],
  ['sent', `From: x\nSent${' '.repeat(MANY)}x`],
  ['rules', `${'_'.repeat(MANY)} x`],
  ['dashes', `${'-'.repeat(MANY)} x`],
  ['white space behind a verb', `x@y wrote:${' '.repeat(MANY)}x`],
  ['many verbs', `${'x@y wrote:'.repeat(MANY / 10)} x`],
  ['brackets', `${'<'.repeat(MANY)}x@y wrote:\n> x`],
  ['addresses', `From: ${'a@'.repeat(MANY / 2)}\nSent: 2026 10:00`],
  ['many lines', 'On 5\nwrote:\n'.repeat(MANY / 12)],
  ['many rules', `${'_'.repeat(20)}\n`.repeat(MANY / 21)],
])('a long text costs next to nothing: %s', (_what, text) => {
  expect(cpuMsOf(() => stripQuotes(text, true))).toBeLessThan(50)
})
