import { describe, expect, test } from 'vitest'
import type { MessageAbout } from '../../../src/inbox/about.ts'
import { command, message, TELL, type Subject } from './kit.ts'

const LINKS = [{ words: 'this', address: 'https://example.org/docs' }]
const ABOUT: MessageAbout = {
  zone: 'Europe/Berlin',
  group: { name: 'Team "A" \\ 😀' },
  quotes: [{ kind: 'reply', from: 'Ben', text: 'one\ntwo' }],
  links: LINKS,
  location: { latitude: 52.52, longitude: -13.405, name: null, address: null },
  contact: { name: 'Ben', phone: null },
}

export function aboutContract(subject: Subject): void {
  const heard = (...people: string[]): MessageAbout => ({
    zone: 'UTC',
    heard: people.map((person) => ({ person, from: person, text: `${person} speaks` })),
  })
  const export_ = async (person: string) =>
    JSON.stringify(await subject.driver.storage.conversations.exportPerson('telegram', person))

  describe('what is known of a message besides its words', () => {
    test('is stored with it, and the same in its turn, in the history and when it is shown', async () => {
      const { driver } = subject
      await driver.accept([message('1', { about: ABOUT }), message('2')])
      const lease = await driver.mustLease()
      expect(lease.messages.map(({ about }) => about)).toEqual([ABOUT])
      await driver.answer(lease)
      const next = await driver.mustLease()
      expect(next.messages.map(({ about }) => about)).toEqual([null])
      expect(next.history.map(({ about }) => about)).toEqual([ABOUT, null])
      await subject.reopen()
      const { conversations } = subject.driver.storage
      const shown = await conversations.messages('telegram:7', { limit: 9, beforeSeq: null })
      expect(shown.find(({ platformMessageId }) => platformMessageId === '1')!.about).toEqual(ABOUT)
    })

    test('is handed out with a turn that begins as the message arrives', async () => {
      const { inbox } = subject.driver.storage
      if (!inbox.acceptAndBegin) return
      const request = {
        arrivals: [message('1', { about: ABOUT })],
        cursors: [],
        now: subject.driver.tick(),
        outage: null,
        limits: { maxPerConversation: 50, maxTotal: 10_000 },
        holdFullNotice: 'full',
      }
      const { lease } = await inbox.acceptAndBegin(request, {
        owner: 'gateway-1',
        historyLimit: 1_000,
        merge: true,
      })
      expect(lease!.messages[0]!.about).toEqual(ABOUT)
    })

    test('changes with an edit by the links of the new words alone', async () => {
      const { driver } = subject
      await driver.accept([message('1', { about: ABOUT }), message('2', { about: ABOUT })], { outage: TELL })
      const edit = { kind: 'edit', channel: 'telegram', address: '7', text: 'better' } as const
      const links = [{ words: 'better', address: 'https://example.org' }]
      await driver.accept([
        { ...edit, platformMessageId: '1', links },
        { ...edit, platformMessageId: '2' },
      ])
      const { links: _, ...rest } = ABOUT
      const { messages } = await driver.mustLease(undefined, { merge: true })
      expect(messages.map(({ text, about }) => ({ text, about }))).toEqual([
        { text: 'better', about: { ...rest, links } },
        { text: 'better', about: rest },
      ])
    })

    test('is not kept of a command, nor of a message that the hold has no room for', async () => {
      const { driver } = subject
      const full = { outage: TELL, limits: { maxPerConversation: 0, maxTotal: 10 } }
      await driver.acceptOne(command('1', null, { about: ABOUT }))
      await driver.acceptOne(message('2', { about: ABOUT }), full)
      const rows = await driver.storage.conversations.messages('telegram:7', { limit: 9, beforeSeq: null })
      expect(rows.filter(({ about }) => about !== null)).toEqual([])
    })

    test('is exported with a person’s message; the lines of others are theirs', async () => {
      const { driver } = subject
      await driver.accept([
        message('1', { about: { ...ABOUT, ...heard('ben', 'cleo') } }),
        message('2', { personId: 'ben', about: heard('anna') }),
      ])
      expect(await export_('anna')).toContain('"quotes"')
      expect(await export_('anna')).toContain('anna speaks')
      expect(await export_('anna')).not.toMatch(/ben speaks|cleo speaks/)
      // Cleo wrote nothing to the bot.
      expect(await export_('cleo')).toContain('cleo speaks')
      expect(await export_('cleo')).not.toContain('text 1')
    })

    test('goes with a person, and so do the lines of that person that others brought', async () => {
      const { driver } = subject
      await driver.accept([
        message('1', { about: heard('ben', 'cleo') }),
        message('2', { personId: 'ben', about: heard('cleo') }),
      ])
      await driver.storage.conversations.deletePerson('telegram', 'cleo')
      const rows = () => driver.storage.conversations.messages('telegram:7', { limit: 9, beforeSeq: null })
      expect((await rows()).map(({ about }) => about)).toEqual([heard('ben'), { zone: 'UTC' }])
      await driver.storage.conversations.deletePerson('telegram', 'anna')
      expect((await rows()).map(({ text }) => text)).toEqual(['text 2'])
      expect(await export_('cleo')).toContain('"conversations":[]')
    })
  })
}
