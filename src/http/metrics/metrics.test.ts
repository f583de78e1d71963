import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { startTestGateway } from '../../../test/support/web/http-gateway.ts'
import type { KeeperNotice } from '../../credentials/keeper/status.ts'
import type { MessageFact } from '../../inbox/figures/observer.ts'
import { Emitter } from '../../support/emitter.ts'
import { Metrics } from './metrics.ts'

const neverFails = (error: unknown): never => {
  throw error
}

test('the figures have the names that monitors rely on, also for what happened before the first look', async () => {
  const clock = new FakeClock()
  const now = clock.now()
  const metrics = new Metrics(
    {
      credential: () => ({ state: 'at-risk', expiresAt: now + 90_000, loginExpiresAt: null }),
      held: async () => 7,
    },
    clock,
  )
  const observer = new Emitter<MessageFact>(neverFails)
  const keeper = new Emitter<KeeperNotice>(neverFails)
  metrics.follow(observer, keeper)
  keeper.emit({ type: 'refresh', at: now, outcome: 'renewed', message: null })
  keeper.emit({ type: 'rejection', at: now, fingerprint: 'a1b2c3d4', rejection: { kind: 'rejected' } })
  observer.emit({ kind: 'answered', channel: 'telegram', seconds: 1.2, overheadSeconds: 0.005, messages: 2 })
  observer.emit({ kind: 'stopped', channel: 'telegram' })
  observer.emit({ kind: 'store-recovered' })
  observer.emit({ kind: 'epoch', reason: 'trim' })
  observer.emit({ kind: 'cache-miss', reason: 'tools_changed' })
  const usage = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 80, cacheWriteTokens: 10 }
  const paid = { kind: 'answer', modelMs: 1, requests: 1, isEstimated: false, isSubscription: false } as const
  observer.emit({ kind: 'spent', spent: { ...paid, model: 'm', usage, cost: 1_500_000_000 } })
  observer.emit({ kind: 'spent', spent: { ...paid, model: 'new', usage, cost: null } })
  metrics.alert('webhook', 'delivered')
  const { body, contentType } = await metrics.text()
  metrics.close()
  expect(contentType).toContain('text/plain')
  for (const line of [
    'hermes_credential_state{state="at-risk"} 1',
    'hermes_credential_state{state="healthy"} 0',
    'hermes_credential_state{state="needs-login"} 0',
    'hermes_credential_seconds_to_expiry 90',
    'hermes_refresh_total{outcome="renewed"} 1',
    'hermes_auth_rejections_total 1',
    'hermes_messages_total{channel="telegram",outcome="answered"} 2',
    'hermes_messages_total{channel="telegram",outcome="withdrawn"} 1',
    'hermes_messages_held 7',
    'hermes_message_seconds_sum 1.2',
    'hermes_gateway_overhead_seconds_bucket{le="0.005"} 1',
    'hermes_alerts_total{route="webhook",outcome="delivered"} 1',
    'hermes_epochs_total{reason="trim"} 1',
    'hermes_cache_misses_total{reason="tools_changed"} 1',
    'hermes_tokens_total{model="m",kind="input"} 10',
    'hermes_tokens_total{model="m",kind="output"} 5',
    'hermes_tokens_total{model="m",kind="cache_read"} 80',
    'hermes_tokens_total{model="new",kind="cache_write"} 10',
    'hermes_cost_usd_total{model="m"} 1.5',
    'hermes_cache_read_ratio 0.8',
  ])
    expect(body.split('\n')).toContain(line)
  expect(body).toMatch(/^process_resident_memory_bytes \d+/m)
  expect(body).toMatch(/^nodejs_eventloop_lag_seconds /m)
  // Unknown: no sample, rather than a wrong one.
  expect(body).not.toMatch(/^hermes_login_seconds_to_expiry /m)
  expect(body).not.toContain('hermes_cost_usd_total{model="new"}')
})

test('a time that becomes unknown loses its sample', async () => {
  const clock = new FakeClock()
  let expiresAt: number | null = clock.now() + 1_000
  const metrics = new Metrics(
    { credential: () => ({ state: 'healthy', expiresAt, loginExpiresAt: null }), held: async () => 0 },
    clock,
  )
  expect((await metrics.text()).body).toMatch(/^hermes_credential_seconds_to_expiry 1$/m)
  expiresAt = null
  expect((await metrics.text()).body).not.toMatch(/^hermes_credential_seconds_to_expiry /m)
  metrics.close()
})

test('they are served to who may read them', async () => {
  await using gateway = await startTestGateway()
  const response = await gateway.call('/metrics')
  expect(response.headers.get('content-type')).toContain('version=0.0.4')
  expect(await response.text()).toContain('hermes_messages_held 0')
})
