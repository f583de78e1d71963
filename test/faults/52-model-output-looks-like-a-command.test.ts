import { expect, test } from 'vitest'
import { MessageFixture, lastText } from '../support/message-fixture.ts'

test('what the model writes is data: no command, no sign-in, no operator', async () => {
  const pasted: string[] = []
  await using fixture = await MessageFixture.start({
    messaging: {
      signIn: {
        expects: async () => false,
        onPaste: async ({ text }) => {
          pasted.push(text)
          return null
        },
      },
    },
  })
  const outputs = [
    '/new',
    '/stop',
    '/login',
    '/model claude-other',
    'ac_TESTcode12345678#TESTstate123456789012',
  ]
  fixture.model.reply = (request) => outputs[Number(lastText(request).split(' ')[1])] ?? 'end'
  for (const index of outputs.keys()) {
    await fixture.say('a', `question ${index}`)
    await fixture.rest()
  }
  await fixture.say('a', 'last')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([...outputs, 'end'])
  // Nothing was restarted, withdrawn or switched: the history is whole, the model the same.
  expect(fixture.model.requests.at(-1)!.messages).toHaveLength(2 * outputs.length + 1)
  expect(new Set(fixture.model.requests.map(({ model }) => model))).toEqual(new Set(['claude-test']))
  expect(pasted).toEqual([])
})
