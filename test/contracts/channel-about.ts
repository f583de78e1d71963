import { expect, test } from 'vitest'
import type { Channel } from '../../src/channels/channel.ts'
import type { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { until } from '../support/until.ts'

/** What a platform may say of a message besides its words. */
export type Fact = 'reply' | 'forward' | 'link' | 'location' | 'contact' | 'group'

/** What Ben has written, to which the person points. */
export const BENS_WORDS = 'Nomen est omen.'
/** What the person writes about it, where the platform has room for it. */
export const OWN_WORDS = 'What is meant by this?'
/** What the word "this" of it links to. */
export const ADDRESS = 'https://example.org/docs'
export const PLACE = { latitude: 52.52, longitude: 13.405 }
export const CARD = { name: 'Ben B', phone: '+49301' }
export const GROUP_NAME = 'Team'

/** A platform whose person says such messages. */
interface AboutFixture {
  readonly platform: { say(text: string): Promise<string> }
  readonly says?: { readonly [fact in Fact]?: () => unknown }
}

type Play = (
  play: (fixture: AboutFixture, receiver: RecordingReceiver, channel: Channel) => Promise<void>,
) => Promise<void>

const quotation = (kind: 'reply' | 'forward') => ({
  about: { quotes: [{ kind, text: expect.stringContaining(BENS_WORDS) as string }] },
})

const EXPECTED: Readonly<Record<Fact, object>> = {
  reply: { text: OWN_WORDS, ...quotation('reply') },
  forward: quotation('forward'),
  link: { text: OWN_WORDS, about: { links: [{ words: 'this', address: ADDRESS }] } },
  location: { text: '', unsupported: null, about: { location: PLACE } },
  contact: { text: '', unsupported: null, about: { contact: CARD } },
  group: { chat: { kind: 'group', name: GROUP_NAME } },
}

/** What every channel promises of what it knows of a message: it is apart from the words, which stay as they are. */
export function channelAboutContract(facts: readonly Fact[], using: Play): void {
  test.each(facts)('hands over apart from the words what is known of a message: %s', (fact) =>
    using(async ({ platform, says }, receiver, channel) => {
      await channel.start(receiver)
      await platform.say('before')
      await until(() => receiver.messages.length === 1, 'the connection')
      expect(receiver.messages[0]).not.toHaveProperty('about')
      await says![fact]!()
      await until(() => receiver.messages.length === 2, 'the message')
      const [, message] = receiver.messages
      expect(message).toMatchObject(EXPECTED[fact])
      expect(message!.text).not.toContain(BENS_WORDS)
    }),
  )
}
