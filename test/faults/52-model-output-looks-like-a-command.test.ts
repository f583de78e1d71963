import { expect, test } from 'vitest'
import { MessageRig, lastText } from '../support/message-rig.ts'

test('what the model writes is data: no command, no sign-in, no operator', async () => {
  const pasted: string[] = []
  await using rig = await MessageRig.start({
    messaging: {
      onPaste: async ({ text }) => {
        pasted.push(text)
        return null
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
  rig.model.reply = (request) => outputs[Number(lastText(request).split(' ')[1])] ?? 'end'
  for (const index of outputs.keys()) {
    await rig.say('a', `question ${index}`)
    await rig.rest()
  }
  await rig.say('a', 'last')
  await rig.rest()
  expect(rig.outlet.texts('a')).toEqual([...outputs, 'end'])
  // Nothing was begun anew, withdrawn or switched: the history is whole, the model the same.
  expect(rig.model.requests.at(-1)!.messages).toHaveLength(2 * outputs.length + 1)
  expect(new Set(rig.model.requests.map(({ model }) => model))).toEqual(new Set(['claude-test']))
  expect(pasted).toEqual([])
})
