import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MemorySignIn } from '../../../test/support/provider/memory-sign-in.ts'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { Secret } from '../../support/secret.ts'
import { managedCredential, staticCredential } from '../credential.ts'
import {
  CREDENTIAL_STATES,
  INITIAL_STATE,
  isUsable,
  transition,
  type KeeperEvent,
  type KeeperState,
  type Retry,
} from './keeper-state.ts'

const signIn = new MemorySignIn(new FakeClock())
const origin = { kind: 'oauth', source: 'own', signIn, borrowed: false } as const
const renewable = managedCredential(signIn.issue(), origin)
const next = managedCredential(signIn.issue(), origin)
const unrenewable = staticCredential('oauth', 'environment', new Secret('sk-ant-oat01-TEST-static'))
const apiKey = staticCredential('api-key', 'environment', new Secret('sk-ant-api03-TEST'))

const retry = (means: Retry['means'], attempt: number): Retry => ({ means, at: 0, monotonicAt: 0, attempt })
const now = retry('refresh', 0)
const trouble = { reason: 'network', message: 'no answer' } as const
const found = (active: typeof renewable, usable = true): KeeperEvent => ({
  type: 'found',
  active,
  usable,
  retryNow: now,
})
const failed = (usable: boolean, attempt = 1): KeeperEvent => ({
  type: 'refresh-failed',
  ...trouble,
  usable,
  retry: retry('refresh', attempt),
})
const expired: KeeperEvent = { type: 'expired', retryNow: now }

function after(...events: KeeperEvent[]): KeeperState {
  return events.reduce(transition, INITIAL_STATE)
}

describe('the state after', () => {
  it.each<[string, KeeperEvent[], Partial<KeeperState>]>([
    ['a renewable token', [found(renewable)], { name: 'healthy' }],
    ['an API key', [found(apiKey)], { name: 'healthy' }],
    ['a token that nothing renews', [found(unrenewable)], { name: 'at-risk', reason: 'unrenewable' }],
    ['its end', [found(unrenewable), expired], { name: 'needs-login', reason: 'expired' }],
    [
      'an expired token that can be renewed',
      [found(renewable, false)],
      { name: 'degraded', reason: 'expired' },
    ],
    [
      'the start of its refresh',
      [found(renewable, false), { type: 'refresh-started', usable: false }],
      { name: 'refreshing', usable: false },
    ],
    [
      'a failed refresh while the token lives',
      [found(renewable), failed(true)],
      { name: 'at-risk', reason: 'network' },
    ],
    [
      'the end of that token',
      [found(renewable), failed(true), expired],
      { name: 'degraded', reason: 'network' },
    ],
    ['a failed refresh of a dead token', [found(renewable), failed(false)], { name: 'degraded' }],
    [
      'a repeated try, which is no news',
      [found(renewable), failed(false), { type: 'refresh-started', usable: false }],
      { name: 'degraded', reason: 'network' },
    ],
    ['its success', [found(renewable), failed(false), found(next)], { name: 'healthy', active: next }],
    [
      'a dead grant while the token lives',
      [found(renewable), { type: 'sign-in-ended', reason: 'revoked', message: '', usable: true }],
      { name: 'at-risk', reason: 'revoked', retry: null },
    ],
    [
      'the end of that token',
      [found(renewable), { type: 'sign-in-ended', reason: 'revoked', message: '', usable: true }, expired],
      { name: 'needs-login', reason: 'revoked' },
    ],
    [
      'a refusal by policy',
      [
        found(renewable),
        { type: 'forbidden', reason: 'policy', message: '', retry: retry('probe', 1), byScope: false },
      ],
      { name: 'not-permitted', reason: 'policy' },
    ],
    [
      'a refresh in that state, which changes nothing about it',
      [
        found(renewable),
        { type: 'forbidden', reason: 'policy', message: '', retry: retry('probe', 1), byScope: false },
        { type: 'refresh-started', usable: false },
      ],
      { name: 'not-permitted' },
    ],
    [
      'an accepted probe',
      [
        found(renewable),
        { type: 'rejected', reason: 'revoked', message: '', retry: retry('probe', 1), final: false },
        { type: 'accepted' },
      ],
      { name: 'healthy' },
    ],
    [
      'a logout',
      [found(renewable), { type: 'nothing-found', reason: 'absent', message: '', misconfigured: false }],
      { name: 'needs-login', active: null },
    ],
    [
      'a mistyped token',
      [{ type: 'nothing-found', reason: 'absent', message: '', misconfigured: true }],
      { name: 'misconfigured' },
    ],
    [
      'a result that the disk rejects',
      [
        found(renewable),
        { type: 'unsaved', active: next, reason: 'store', message: '', retry: retry('save', 1) },
      ],
      { name: 'at-risk', reason: 'store', active: next },
    ],
    [
      'its late saving',
      [
        found(renewable),
        { type: 'unsaved', active: next, reason: 'store', message: '', retry: retry('save', 1) },
        { type: 'saved', retryNow: now },
      ],
      { name: 'healthy', active: next },
    ],
  ])('%s', (_name, events, expected) => {
    expect(after(...events)).toMatchObject(expected)
  })
})

const active = fc.constantFrom(renewable, next, unrenewable, apiKey)
const anyRetry = fc
  .record({
    means: fc.constantFrom<Retry['means'][]>('refresh', 'read-again', 'probe', 'save'),
    attempt: fc.nat(9),
  })
  .map(({ means, attempt }) => retry(means, attempt))
const anyEvent: fc.Arbitrary<KeeperEvent> = fc.oneof(
  fc.record({
    type: fc.constant('found' as const),
    active,
    usable: fc.boolean(),
    retryNow: fc.constant(now),
  }),
  fc.record({ type: fc.constant('refresh-started' as const), usable: fc.boolean() }),
  fc.boolean().map((usable) => failed(usable)),
  fc.constant(expired),
  fc.constant<KeeperEvent>({ type: 'accepted' }),
  fc.constant<KeeperEvent>({ type: 'saved', retryNow: now }),
  anyRetry.map((each): KeeperEvent => ({ type: 'probe-failed', retry: each })),
  fc
    .tuple(anyRetry, fc.boolean())
    .map(([each, final]): KeeperEvent => ({ type: 'rejected', ...trouble, retry: each, final })),
  fc
    .tuple(anyRetry, fc.boolean())
    .map(([each, byScope]): KeeperEvent => ({ type: 'forbidden', ...trouble, retry: each, byScope })),
  fc.boolean().map((misconfigured): KeeperEvent => ({ type: 'nothing-found', ...trouble, misconfigured })),
)

it('whatever happens in whatever order, a state is one of the seven, and a usable one holds a credential', () => {
  assertProperty(
    fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
      let state = INITIAL_STATE
      for (const event of events) {
        const before = structuredClone({ name: state.name })
        const reached = transition(state, event)
        // The previous state is never changed in place.
        expect(state.name).toBe(before.name)
        state = reached
        expect(CREDENTIAL_STATES).toContain(state.name)
        expect(isUsable(state) && state.active === null).toBe(false)
        expect(state.name === 'healthy' && 'reason' in state).toBe(false)
        expect(state.name === 'degraded' && state.retry === null).toBe(false)
      }
    }),
  )
})
