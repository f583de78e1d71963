import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import { ChannelAlerts, type ChannelState } from './channel-alerts.ts'

function watched(clock: FakeClock) {
  const sent: string[] = []
  const channel = { state: 'connected', problem: null as string | null, since: clock.now() }
  const alerts = new ChannelAlerts({
    channels: (): readonly ChannelState[] => [{ channel: 'telegram', ...channel }],
    alerter: {
      send: ({ text }) => {
        sent.push(text)
        return Promise.resolve('webhook')
      },
    },
    host: 'box',
    clock,
    onProblem: () => undefined,
  })
  alerts.start()
  const set = (state: string, problem: string | null) =>
    Object.assign(channel, { state, problem, since: clock.now() })
  return { sent, set }
}

test('a channel that stays down is told once with its reason, and its return once', async () => {
  const clock = new FakeClock()
  const { sent, set } = watched(clock)
  set('retrying', 'another program polls with the same token (409)')
  await clock.advance(10 * MINUTE)
  expect(sent).toEqual([expect.stringContaining('another program polls with the same token')])
  set('connected', null)
  await clock.advance(MINUTE)
  expect(sent).toHaveLength(2)
  expect(sent[1]).toContain('is receiving messages again')
})

test('a hiccup is not worth a word', async () => {
  const clock = new FakeClock()
  const { sent, set } = watched(clock)
  set('retrying', 'no answer')
  await clock.advance(90 * SECOND)
  set('connected', null)
  await clock.advance(10 * MINUTE)
  expect(sent).toEqual([])
})
