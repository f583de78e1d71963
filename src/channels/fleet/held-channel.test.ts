import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { NotHere } from '../../inbox/delivery/send-channel.ts'
import type { Service, Tenure } from '../../inbox/fleet/fleet.ts'
import type { Channel } from '../channel.ts'
import { speakers } from './fleet-channels.ts'
import { HeldChannel } from './held-channel.ts'

const signal = new AbortController().signal

/** A platform in memory, and the same as one process of several has it. */
function held(more: Partial<Channel>) {
  const sent: string[] = []
  const channel: Channel = {
    channel: 'chat',
    push: true,
    draftIntervalMs: null,
    start: async () => {},
    stop: async () => {},
    status: () => ({ channel: 'chat', state: 'stopped', problem: null, since: 0, account: null }),
    split: (text) => [text],
    send: async (address, part) => `${address} ${sent.push(part)}`,
    edit: async () => {},
    typing: () => {},
    ...more,
  }
  const tenure = { fence: { name: 'chat', fence: 1 }, isFresh: true }
  const fleet = {
    hold: async (_: string, serve: Service) => {
      await serve(tenure satisfies Tenure)
      return { stop: async () => {} }
    },
    hasStandby: true,
  }
  const clock = new FakeClock()
  const options = { channel, name: 'chat', fleet, clock, onHeld: () => {}, onLeaving: async () => {} }
  return { held: new HeldChannel(options), sent, tenure }
}

const ABLE: Partial<Channel> = {
  ownWords: (text, address) => text.replaceAll('/', `${address}!`),
  remove: async (_, id) => id === 'mine',
}

test('a channel that is held in turn can what its platform can, and no more', async () => {
  const able = held(ABLE).held
  expect(able.ownWords?.('Send /new.', 'a')).toBe('Send a!new.')
  expect(await able.remove?.('a', 'mine')).toBe(true)
  const plain = held({}).held
  expect([plain.ownWords, plain.remove, plain.reactions]).toEqual([undefined, undefined, undefined])
})

test('only the process that holds a channel asks for reactions', async () => {
  const asked: string[] = []
  const one = held({
    reactions: {
      single: true,
      set: async ({ platformId }) => {
        asked.push(platformId)
        return 'no-room'
      },
    },
  })
  const { reactions } = one.held
  const set = (platformId: string) =>
    reactions!.set({ address: 'a', platformId }, { reaction: 'taken', shown: true }, signal)
  expect(reactions!.single).toBe(true)
  expect(await set('before')).toBe('done')
  await one.held.start({ receive: async () => [], mayTalk: async () => true })
  expect(await set('as the holder')).toBe('no-room')
  one.tenure.isFresh = false
  expect(await set('after')).toBe('done')
  expect(asked).toEqual(['as the holder'])
})

test('what is said outside the outbox is said in the words of the platform, whichever process holds it', async () => {
  const options = { replyTo: null, key: 'k', signal }
  const able = held(ABLE)
  const speaker = speakers([able.held]).get('chat')!
  await speaker.send('a', 'Send /login here.', options)
  expect(able.sent).toEqual(['Send a!login here.'])
  expect(await speaker.remove?.('a', 'theirs')).toBe(false)
  const plain = held({})
  await speakers([plain.held]).get('chat')!.send('a', 'Send /login here.', options)
  expect(plain.sent).toEqual(['Send /login here.'])
})

test('what the platform took while the right to it ran out is told, and nothing more is sent', async () => {
  const one = held({
    send: async () => {
      one.tenure.isFresh = false
      return 'taken'
    },
  })
  await one.held.start({ receive: async () => [], mayTalk: async () => true })
  const options = { replyTo: null, key: 'k', signal }
  expect(await one.held.send('a', 'first', options)).toBe('taken')
  await expect(one.held.send('a', 'second', options)).rejects.toBeInstanceOf(NotHere)
})
