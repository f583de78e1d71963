import { describe, expect, test } from 'vitest'
import type { Reaction } from '../../../inbox/delivery/send-channel.ts'
import type { MessageState } from '../../../inbox/message.ts'
import { afterChange, nextChange, QUICK_ANSWER_MS, wantedReaction } from './decide-reaction.ts'

describe('the reaction that a message shows', () => {
  test.each<[MessageState | null, Reaction | null]>([
    ['received', 'taken'],
    ['answering', 'taken'],
    ['held', 'held'],
    ['answered', null],
    ['refused', null],
    ['withdrawn', null],
    ['parked', null],
    [null, null],
  ])('while it is %s is %s', (state, reaction) => {
    expect(wantedReaction(state, QUICK_ANSWER_MS)).toBe(reaction)
  })

  test('is none while a quick answer may come, and tells at once that it is held', () => {
    expect(wantedReaction('received', QUICK_ANSWER_MS - 1)).toBeNull()
    expect(wantedReaction('answering', 0)).toBeNull()
    expect(wantedReaction('held', 0)).toBe('held')
  })
})

describe('the requests that lead to it', () => {
  /** All changes until what is shown is wanted. */
  function path(shown: readonly Reaction[], wanted: Reaction | null, single: boolean): string[] {
    const steps: string[] = []
    let now: ReadonlySet<Reaction> = new Set(shown)
    for (let change = nextChange(now, wanted, single); change; change = nextChange(now, wanted, single)) {
      steps.push(`${change.shown ? '+' : '-'}${change.reaction}`)
      now = afterChange(now, change, single)
      expect(steps.length).toBeLessThan(5)
    }
    expect([...now]).toEqual(wanted === null ? [] : [wanted])
    return steps
  }

  test.each<[readonly Reaction[], Reaction | null, readonly string[], readonly string[]]>([
    [[], null, [], []],
    [[], 'taken', ['+taken'], ['+taken']],
    [['taken'], 'taken', [], []],
    [['taken'], 'held', ['+held', '-taken'], ['+held']],
    [['held'], 'taken', ['+taken', '-held'], ['+taken']],
    [['taken'], null, ['-taken'], ['-taken']],
    [['taken', 'held'], null, ['-taken', '-held'], ['-taken']],
  ])('from %j to %s', (shown, wanted, each, single) => {
    expect(path(shown, wanted, false)).toEqual(each)
    expect(path(shown, wanted, true)).toEqual(single)
  })
})
