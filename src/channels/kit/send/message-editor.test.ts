import { expect, test, vi } from 'vitest'
import { Undeliverable } from '../../../inbox/delivery/send-channel.ts'
import { SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { MessageEditor } from './message-editor.ts'

/** One message of a platform that answers an edit when the test lets it. */
class Platform {
  readonly editor = new MessageEditor()
  readonly asked: string[] = []
  readonly #answers: Array<PromiseWithResolvers<void>> = []
  draftsAllowed = true

  edit(text: string, final: boolean, stop = new AbortController()): Promise<void> {
    return this.editor.edit('m1', text, {
      final,
      signal: stop.signal,
      mayDraft: () => this.draftsAllowed,
      show: async (signal) => {
        this.asked.push(text)
        const answer = Promise.withResolvers<void>()
        this.#answers.push(answer)
        signal.addEventListener('abort', () => answer.reject(signal.reason))
        await answer.promise
      },
    })
  }

  async answer(error?: Error): Promise<void> {
    await vi.waitUntil(() => this.#answers.length > 0)
    const next = this.#answers.shift()!
    if (error) next.reject(error)
    else next.resolve()
  }
}

test('a finished text is asked for only after the draft on its way was answered', async () => {
  const platform = new Platform()
  const stop = new AbortController()
  const draft = platform.edit('One', false, stop)
  stop.abort(new Error('finished'))
  await expect(draft).rejects.toThrow('finished')
  const final = platform.edit('One, two', true)
  await Promise.resolve()
  expect(platform.asked).toEqual(['One'])
  await platform.answer()
  await platform.answer()
  await final
  expect(platform.asked).toEqual(['One', 'One, two'])
})

test('what a message shows is not asked for again, and what it may not show is', async () => {
  const platform = new Platform()
  platform.editor.sent('m1', 'One')
  await platform.edit('One', true)
  expect(platform.asked).toEqual([])
  const failed = platform.edit('Two', true)
  await platform.answer(new Undeliverable('gone'))
  await expect(failed).rejects.toBeInstanceOf(Undeliverable)
  const again = platform.edit('One', true)
  await platform.answer()
  await again
  expect(platform.asked).toEqual(['Two', 'One'])
})

test('a draft is left out where the platform has no room for it', async () => {
  const platform = new Platform()
  platform.draftsAllowed = false
  await platform.edit('One', false)
  expect(platform.asked).toEqual([])
  platform.draftsAllowed = true
  const limited = platform.edit('One', false)
  await platform.answer(new TransientError('too fast', SECOND, 'rate-limited'))
  await limited
})

test('a draft that fails otherwise says so, and a finished text that is told to wait, too', async () => {
  const platform = new Platform()
  const draft = platform.edit('One', false)
  await platform.answer(new TransientError('no answer'))
  await expect(draft).rejects.toThrow('no answer')
  const final = platform.edit('Two', true)
  await platform.answer(new TransientError('too fast', SECOND, 'rate-limited'))
  await expect(final).rejects.toMatchObject({ reason: 'rate-limited' })
})

test('a draft without an answer does not hold up the finished text for long', async () => {
  vi.useFakeTimers()
  try {
    const platform = new Platform()
    const draft = platform.edit('One', false).catch((error: unknown) => error)
    const final = platform.edit('Two', true)
    await vi.advanceTimersByTimeAsync(5 * SECOND)
    expect(await draft).toBeInstanceOf(TransientError)
    expect(platform.asked).toEqual(['One', 'Two'])
    await platform.answer()
    await platform.answer()
    await final
  } finally {
    vi.useRealTimers()
  }
})
