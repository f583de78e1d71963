import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { PersonRate, decideAccess, needsPairing, type AccessPolicy, type ChannelAccess } from './access.ts'

const rules = (more: Partial<ChannelAccess> = {}): ChannelAccess => ({
  allowAll: false,
  allowedUsers: new Set(['1']),
  allowedGroups: new Set(['crew']),
  allowedChats: new Set(['team']),
  requireMention: true,
  trusted: false,
  ...more,
})

const policy = (more: Partial<ChannelAccess> = {}): AccessPolicy => ({
  operators: new Set(['telegram:9']),
  channels: new Map([['telegram', rules(more)]]),
})

const privately = { id: 'x', kind: 'private', addressed: true } as const
const team = { id: 'team', kind: 'group', addressed: true } as const
const elsewhere = { id: 'other', kind: 'group', addressed: true } as const
const person = (id: string) => ({ id, name: 'Same Name' })

const GRANTED = { kind: 'granted', role: 'user' }
const OPERATOR = { kind: 'granted', role: 'operator' }
const IGNORED = { kind: 'ignored' }
const STRANGER = { kind: 'stranger' }

test.each([
  ['somebody on the list, privately', policy(), '1', privately, GRANTED],
  ['an operator', policy(), '9', privately, OPERATOR],
  ['a stranger, privately', policy(), '2', privately, STRANGER],
  ['a stranger in a group open to everybody', policy(), '2', team, GRANTED],
  ['a stranger in any other group', policy(), '2', elsewhere, IGNORED],
  ['somebody on the list in any group', policy(), '1', elsewhere, GRANTED],
  ['an operator in a group who talks to others', policy(), '9', { ...team, addressed: false }, IGNORED],
  [
    'talk among others where mentions are not needed',
    policy({ requireMention: false }),
    '1',
    { ...team, addressed: false },
    GRANTED,
  ],
  ['anybody where everybody has access', policy({ allowAll: true }), '2', privately, GRANTED],
  ['anybody on a channel that checks access itself', policy({ trusted: true }), '2', privately, GRANTED],
] as const)('%s', (_, rule, id, chat, expected) => {
  expect(decideAccess(rule, 'telegram', person(id), chat, false)).toEqual(expected)
})

test('a person with an allowed role has access, wherever the platform reports roles', () => {
  const crew = { ...person('2'), groups: ['guests', 'crew'] }
  expect(decideAccess(policy(), 'telegram', crew, elsewhere, false)).toEqual(GRANTED)
  expect(decideAccess(policy(), 'telegram', { ...crew, groups: ['guests'] }, elsewhere, false)).toEqual(
    IGNORED,
  )
  expect(decideAccess(policy(), 'telegram', { ...crew, groups: [] }, privately, false)).toEqual(STRANGER)
  expect(needsPairing(policy(), 'telegram', crew, elsewhere)).toBe(false)
})

test('a channel that is not configured lets nobody in, and its operators are not those of another', () => {
  expect(decideAccess(policy(), 'discord', person('1'), privately, false)).toEqual(STRANGER)
  expect(decideAccess(policy(), 'discord', person('9'), privately, false)).toEqual(STRANGER)
})

test('a person approved by a code has access; the store is asked only where it matters', () => {
  expect(decideAccess(policy(), 'telegram', person('2'), privately, true)).toEqual(GRANTED)
  expect(needsPairing(policy(), 'telegram', person('2'), privately)).toBe(true)
  expect(needsPairing(policy(), 'telegram', person('1'), privately)).toBe(false)
  expect(needsPairing(policy(), 'telegram', person('2'), { ...elsewhere, addressed: false })).toBe(false)
})

test('a burst passes, a flood does not, and one refusal a minute is spoken', () => {
  const rate = new PersonRate(2)
  const decisions = Array.from({ length: 9 }, () => rate.consume('a', 0))
  expect(decisions).toEqual([
    ...Array.from({ length: 6 }, () => 'pass'),
    'refuse',
    'refuse-silently',
    'refuse-silently',
  ])
  expect(rate.consume('a', 29 * SECOND)).toBe('refuse-silently')
  expect(rate.consume('a', 30 * SECOND)).toBe('pass')
  expect(rate.consume('a', 30 * SECOND)).toBe('refuse-silently')
  rate.consume('a', MINUTE)
  expect(rate.consume('a', MINUTE + SECOND)).toBe('refuse')
})

test('one person’s flood is not another’s', () => {
  const rate = new PersonRate(1)
  for (let count = 0; count < 10; count++) rate.consume('a', 0)
  expect(rate.consume('b', 0)).toBe('pass')
})

test('what was not stored is not counted', () => {
  const rate = new PersonRate(1)
  for (let count = 0; count < 3; count++) rate.consume('a', 0)
  rate.refund('a')
  expect(rate.consume('a', 0)).toBe('pass')
})
