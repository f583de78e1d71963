import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import { ProviderGate } from '../../inbox/gate/provider-gate.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { HttpProblem } from '../answers.ts'
import { OpenRequest } from './open-request.ts'

/** A request that waits in its queue, while the provider may be away. */
function waiting({ hold = false } = {}) {
  const clock = new FakeClock()
  const gate = new ProviderGate({ clock, texts: DEFAULT_TEXTS, random: () => 0.5, onProblem: rethrow })
  const withdrawn: string[] = []
  const services = {
    gate,
    events: { watch: () => ({ [Symbol.dispose]() {} }), partial: () => null },
    conversations: {
      messages: async () => [{ role: 'user', platformMessageId: '1', state: 'received' }],
    },
    channel: { withdraw: async (address: string) => withdrawn.push(address) > 0 },
  } as unknown as ConstructorParameters<typeof OpenRequest>[0]
  const admitted = { address: 'a', requestId: '1', hold, fresh: true } as unknown as ConstructorParameters<
    typeof OpenRequest
  >[1]
  let problem: unknown = null
  const open = () => {
    const request = new OpenRequest(services, admitted, { onText() {}, onHeld() {} }, clock)
    request.answer.catch((error: unknown) => (problem = error))
  }
  return { clock, gate, withdrawn, open, problem: () => problem }
}

test('a request that meets an outage alone is told so after half a minute, not left to wait for its end', async () => {
  const { clock, gate, withdrawn, open, problem } = waiting()
  open()
  gate.unavailable(null, 'network', true)
  await clock.advance(29 * SECOND)
  expect(problem()).toBeNull()
  await clock.advance(2 * SECOND)
  expect(problem()).toBeInstanceOf(HttpProblem)
  expect(problem()).toMatchObject({ status: 503 })
  expect(withdrawn).toEqual(['a'])
})

test('a new request is tried while others fail, however long they have failed', async () => {
  const { clock, gate, open, problem } = waiting()
  gate.unavailable(null, 'network', true)
  await clock.advance(5 * MINUTE)
  open()
  await clock.advance(29 * SECOND)
  expect(problem()).toBeNull()
})

test('a client that accepts waiting waits', async () => {
  const { clock, gate, open, problem } = waiting({ hold: true })
  open()
  gate.unavailable(null, 'network', true)
  await clock.advance(5 * MINUTE)
  expect(problem()).toBeNull()
})
