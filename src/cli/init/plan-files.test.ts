import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseDotenv } from '../../config/environment/dotenv.ts'
import { Secret } from '../../support/secret.ts'
import { NO_ANSWERS } from './answers.ts'
import { withChanges } from './config-edit.ts'
import { diffLines, shownLine } from './diff.ts'
import { withVariables } from './dotenv-edit.ts'
import { planFiles } from './plan-files.ts'

describe('config.yaml', () => {
  const YAML = `# The gateway of the house.
model:
  default: claude-test   # cheaper
gateway:
  operators:
  - telegram:5 # Ada
display: # of another program
  theme: dark
`

  it('keeps comments, order and keys that mean nothing to the wizard', () => {
    const text = withChanges(YAML, [
      { kind: 'add', path: ['gateway', 'operators'], values: ['telegram:6'] },
      { kind: 'set', path: ['model', 'base_url'], value: 'https://proxy.example.org' },
    ])
    const comments = [...YAML.matchAll(/# .*$/gm)].map(([comment]) => comment)
    expect([...text.matchAll(/# .*$/gm)].map(([comment]) => comment)).toEqual(comments)
    expect(parse(text)).toEqual({
      model: { default: 'claude-test', base_url: 'https://proxy.example.org' },
      gateway: { operators: ['telegram:5', 'telegram:6'] },
      display: { theme: 'dark' },
    })
    expect(diffLines(YAML, text).map(({ sign }) => sign)).not.toContain('-  - telegram:5')
  })

  it('is left as it is, to the letter, where nothing changes', () => {
    const odd = 'gateway:   {operators:   [ "telegram:5"   ]}\n'
    expect(withChanges(odd, [{ kind: 'add', path: ['gateway', 'operators'], values: ['telegram:5'] }])).toBe(
      odd,
    )
  })

  it.each([
    '',
    '# only a comment\n',
    'gateway:\n',
    'gateway:\n  operators:\n',
    'gateway:\n  operators: []\n',
  ])('takes a first entry where there is %j', (text) => {
    const changed = withChanges(text, [
      { kind: 'add', path: ['gateway', 'operators'], values: ['telegram:5'] },
    ])
    expect(parse(changed)).toEqual({ gateway: { operators: ['telegram:5'] } })
    expect(changed.includes('# only a comment')).toBe(text.includes('# only a comment'))
  })

  it('knows an id without quotation marks again', () => {
    const text = 'alerts:\n  - type: telegram\n    chat: 5\n'
    const value = { type: 'telegram', chat: '5' }
    expect(withChanges(text, [{ kind: 'add', path: ['alerts'], values: [value] }])).toBe(text)
  })
})

describe('.env', () => {
  it('changes a variable in place and keeps everything else', () => {
    const text = '# secrets\nexport TELEGRAM_BOT_TOKEN=1:old # mine\nOTHER="a b"\n'
    expect(withVariables(text, new Map([['TELEGRAM_BOT_TOKEN', '2:new']]))).toBe(
      '# secrets\nTELEGRAM_BOT_TOKEN=2:new\nOTHER="a b"\n',
    )
  })

  it.each(['plain', 'with space', 'a#b', "it's", 'say "hi"', '$HOME', 'a=b', ''])(
    'gives %j back',
    (value) => {
      expect(parseDotenv(withVariables('A=1', new Map([['B', value]])))).toEqual({ A: '1', B: value })
    },
  )

  it('changes the last of two lines, which is the effective one', () => {
    const text = withVariables('A=1\nA=2\n', new Map([['A', '3']]))
    expect(parseDotenv(text)).toEqual({ A: '3' })
  })
})

describe('the plan', () => {
  it('puts the secrets of alert routes into .env and only their names into config.yaml', () => {
    const files = planFiles(
      { config: '', env: '' },
      {
        ...NO_ANSWERS,
        telegramToken: new Secret('1:TEST_bot_token'),
        alerts: [
          { type: 'ntfy', url: 'https://ntfy.example.org/t', token: new Secret('TEST-ntfy-token') },
          { type: 'webhook', url: 'https://hook.example.org', secret: new Secret('TEST-hook-secret') },
        ],
      },
    )
    expect(files.config).not.toContain('TEST')
    expect(parse(files.config)).toEqual({
      alerts: [
        { type: 'ntfy', url: 'https://ntfy.example.org/t', token: '${HERMES_ALERT_NTFY_TOKEN}' },
        { type: 'webhook', url: 'https://hook.example.org', secret: '${HERMES_ALERT_WEBHOOK_SECRET}' },
      ],
    })
    expect(parseDotenv(files.env)).toEqual({
      TELEGRAM_BOT_TOKEN: '1:TEST_bot_token',
      HERMES_ALERT_NTFY_TOKEN: 'TEST-ntfy-token',
      HERMES_ALERT_WEBHOOK_SECRET: 'TEST-hook-secret',
    })
  })

  it('extends the list of allowed users in the variable, which takes precedence over the key', () => {
    const answers = { ...NO_ANSWERS, allowedUsers: ['6'] }
    const variable = planFiles({ config: '', env: 'TELEGRAM_ALLOWED_USERS=5, 7\n' }, answers)
    expect(variable).toEqual({ config: '', env: 'TELEGRAM_ALLOWED_USERS=5,7,6\n' })
    const key = planFiles({ config: 'channels: {telegram: {allowed_users: [5]}}\n', env: '' }, answers)
    expect(parse(key.config)).toEqual({ channels: { telegram: { allowed_users: [5, '6'] } } })
  })

  it('changes nothing the second time', () => {
    const answers = {
      ...NO_ANSWERS,
      operators: ['telegram:5'],
      allowedUsers: ['5'],
      alerts: [{ type: 'telegram', chat: '5' } as const],
      sandboxUrl: 'http://127.0.0.1:8700',
      telegramToken: new Secret('1:TEST_bot_token'),
    }
    const once = planFiles({ config: '', env: '' }, answers)
    expect(planFiles(once, answers)).toEqual(once)
  })
})

it('a diff shows removed and added lines, and the fingerprint of a secret', () => {
  expect(diffLines('a\nb\nc\n', 'a\nx\nc\nd\n')).toEqual([
    { sign: '-', text: 'b' },
    { sign: '+', text: 'x' },
    { sign: '+', text: 'd' },
  ])
  expect(diffLines('', 'a\n')).toEqual([{ sign: '+', text: 'a' }])
  expect(shownLine("ANTHROPIC_API_KEY='sk-ant-api03-TEST'")).toBe('ANTHROPIC_API_KEY=[secret d7dad568]')
  expect(shownLine('export MY_PASSWORD=TEST')).not.toContain('TEST')
  expect(shownLine('  url: https://user:TEST-pass@host/x')).not.toContain('TEST-pass')
  expect(shownLine('TELEGRAM_ALLOWED_USERS=5')).toBe('TELEGRAM_ALLOWED_USERS=5')
})
