import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { buildProgram } from './program.ts'

const program = buildProgram(() => {})

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)]
}

/** The help as it is printed, with the texts before and after it. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return text
}

it('begins the main help with examples, groups the commands, and ends with the exit codes', () => {
  const help = helpOf(program)
  expect(help).toMatch(/^Examples:\n {2}hermes init/)
  const order = [
    'Usage:',
    'Set up:',
    'Run and talk:',
    'Sign-in:',
    'Messages and outages:',
    'People and data:',
    'Tools:',
    'Exit codes:',
  ]
  const places = order.map((heading) => help.indexOf(`\n${heading}`))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((one, other) => one - other))
  expect(help).not.toContain('\nCommands:')
  for (const code of [0, 1, 2, 3, 4, 78])
    expect(help.slice(places.at(-1))).toMatch(new RegExp(`^ {2}${code} `, 'm'))
})

it('describes every command, and has examples for every command of the main help', () => {
  const commands = all(program)
  const nameless = commands.filter((command) => !command.summary() && !command.description())
  expect(nameless.map((command) => command.name())).toEqual([])
  const plain = program.commands.filter((command) => !helpOf(command).startsWith('Examples:\n'))
  expect(plain.map((command) => command.name())).toEqual([])
})

it('documents --home in every help', () => {
  for (const command of all(program)) expect(helpOf(command)).toContain('--home <dir>')
})
