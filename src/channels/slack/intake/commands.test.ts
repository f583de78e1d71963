import { expect, test } from 'vitest'
import { DEFAULT_TEXTS } from '../../../config/texts.ts'
import { commandText, withCommandsOf, withSlash } from './commands.ts'

const PLACES = [
  ['a private chat', 'D0ADA', '!new'],
  ['a thread in a private chat', 'D0ADA:1712.000100', '!new'],
  ['a person whom an alert goes to', 'U0ADA', '!new'],
  ['a thread that the bot speaks in', 'C0GENERAL:1712.000100', '!new'],
  ['a channel', 'C0GENERAL', '/hermes new'],
  ['a group chat', 'G0SOME', '/hermes new'],
] as const
test.each(PLACES)('in %s a command is named as it works there', (_, address, named) => {
  expect(withCommandsOf(address, 'Write /new.')).toBe(`Write ${named}.`)
})

test('every command that our sentences name is one that Slack lets through', () => {
  for (const text of Object.values(DEFAULT_TEXTS)) {
    expect(withCommandsOf('D0ADA', text)).not.toMatch(/(^|\s)\/[a-z]/)
    const named = withCommandsOf('D0ADA', text).match(/(?<=^|\s)![a-z]+/g) ?? []
    for (const command of named) expect(withSlash(command)).toBe(command.replace('!', '/'))
    const inChannel = withCommandsOf('C0GENERAL', text).match(/(?<=\/hermes )\S+/g) ?? []
    expect(inChannel.map(commandText)).toEqual(named.map(withSlash))
  }
})

test.each([
  'Open https://claude.example/login?next=/new/x and https://claude.example/oauth/login',
  'Run `hermes auth login --headless` on ada/status.',
  'There is no /usr, /login-page, /newest or /model/x here.',
])('what is no command is left as it is: %s', (text) => {
  expect(withCommandsOf('D0ADA', text)).toBe(text)
  expect(withCommandsOf('C0GENERAL', text)).toBe(text)
})
