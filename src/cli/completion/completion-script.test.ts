import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildProgram } from '../program.ts'
import { completionScript, type Shell } from './completion-script.ts'
import { describeCommands } from './describe-commands.ts'

const program = buildProgram(() => {})
it('knows every command and option of the program', () => {
  const words = describeCommands(program)
  const paths = words.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining(['', 'init', 'doctor', 'auth login', 'queue retry', 'service install']),
  )
  const login = words.find(({ path }) => path === 'auth login')!
  expect(login.options.flatMap(({ flags }) => flags)).toEqual(
    expect.arrayContaining(['--headless', '--api-key', '--qr', '--yes', '--replace']),
  )
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionScript(program, shell)
    for (const { commands } of words) for (const { name } of commands) expect(script).toContain(name)
  }
})

/** Runs `shell` with the completion script in a file. */
function run(shell: Shell, args: (file: string) => readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-completion-'))
  try {
    const file = join(folder, '_hermes')
    writeFileSync(file, completionScript(program, shell))
    return spawnSync(shell, args(file), {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder },
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function missing(shell: Shell): boolean {
  const absent = spawnSync(shell, ['--version']).error !== undefined
  if (absent && process.env['CI'] === 'true')
    throw new Error(`${shell} is not installed, and in CI nothing may be skipped`)
  return absent
}

const why = (shell: Shell) => (missing(shell) ? ` (skipped: ${shell} is not installed)` : '')

describe.each(['bash', 'zsh', 'fish'] as const)('%s', (shell) => {
  it.skipIf(missing(shell))(`accepts the script${why(shell)}`, () => {
    const { stderr, status } = run(shell, (file) => ['-n', file])
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })
})

it.skipIf(missing('fish')).each([
  ['hermes do', ['doctor']],
  ['hermes queue re', ['retry']],
  ['hermes queue list --state p', ['parked']],
  ['hermes --home /srv/hermes queue dr', ['drop']],
  ['hermes auth login --he', ['--headless', '--help']],
])(`fish completes %j${why('fish')}`, (line, expected) => {
  const { stdout } = run('fish', (file) => ['-c', `source ${file}; complete -C '${line}'`])
  expect(
    stdout
      .trim()
      .split('\n')
      .map((offer) => offer.split('\t')[0]),
  ).toEqual(expected)
})

describe('in bash', () => {
  /** The completions that bash offers at the end of a line. */
  function offers(line: string): string[] {
    const words = line.split(' ')
    const script = `${completionScript(program, 'bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_hermes
printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = spawnSync('bash', ['--norc'], { input: script, encoding: 'utf8' })
    expect(stderr).toBe('')
    return stdout.trim().split('\n')
  }

  it.each([
    ['hermes do', ['doctor']],
    ['hermes queue re', ['retry']],
    ['hermes auth login --he', ['--headless', '--help']],
    ['hermes --home /srv/hermes queue dr', ['drop']],
    ['hermes queue list --state p', ['parked']],
    ['hermes completion ', ['bash', 'zsh', 'fish']],
  ])('%j', (line, expected) => {
    expect(offers(line)).toEqual(expect.arrayContaining(expected))
  })

  it('offers nothing of another command', () => {
    expect(offers('hermes queue ')).not.toContain('doctor')
    expect(offers('hermes queue retry --a')).toEqual(['--all'])
  })
})
