import { expect, test } from 'vitest'
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
