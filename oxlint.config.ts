import { defineConfig, type OxlintOverride } from 'oxlint'

const CORE = ['oauth', 'credentials', 'inbox', 'conversation', 'agent', 'usage', 'alerts']
const ADAPTERS = ['anthropic', 'channels', 'storage', 'http']

/**
 * Each room of `src/`, and the rooms that it may import beside itself. `cli` may import all; `gateway` is
 * imported by `cli` and `main` alone.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  support: [],
  config: ['support'],
  oauth: ['support', 'config'],
  credentials: ['support', 'config', 'oauth'],
  inbox: ['support', 'config', 'usage'],
  usage: ['support', 'config', 'inbox', 'conversation'],
  // It runs turns by its steps, and the steps know the model as it asks it.
  conversation: ['support', 'config', 'inbox', 'agent', 'usage'],
  agent: ['support', 'config', 'inbox', 'conversation', 'usage'],
  alerts: ['support', 'config', 'oauth', 'credentials', 'inbox', 'conversation', 'usage'],
  ...Object.fromEntries(ADAPTERS.map((room) => [room, ['support', 'config', ...CORE]])),
  sandbox: ['support'],
  gateway: ['support', 'config', ...CORE, ...ADAPTERS],
}

const ROOMS = [...Object.keys(MAY_IMPORT), 'cli']

/** What only adapters may know. */
const OUTSIDE = [
  '@anthropic-ai/*',
  'grammy',
  'hono',
  'hono/*',
  '@hono/*',
  'node:http',
  'node:https',
  'node:sqlite',
  'commander',
  '@clack/*',
  'prom-client',
]

/** Another user can make what is looked for in a shared folder first. */
const NO_SHARED_FOLDER = {
  paths: [
    {
      name: 'node:os',
      importNames: ['tmpdir'],
      message:
        'The temporary folder belongs to everybody: use the home, or a private folder beside the target.',
    },
  ],
}

function direction([room, allowed]: [string, readonly string[]]): OxlintOverride {
  const forbidden = ROOMS.filter((other) => other !== room && !allowed.includes(other))
  return {
    files: [`src/${room}/**/*.ts`],
    excludeFiles: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          ...NO_SHARED_FOLDER,
          patterns: [
            {
              group: forbidden.map((other) => `**/${other}/**`),
              message: `${room} may import ${['itself', ...allowed].join(', ')}.`,
            },
            ...(CORE.includes(room)
              ? [
                  {
                    group: OUTSIDE,
                    message: 'The core names no platform, no database, no SDK and no HTTP server.',
                  },
                ]
              : []),
          ],
        },
      ],
    },
  }
}

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise', 'vitest'],
  categories: { correctness: 'error', suspicious: 'warn' },
  env: { node: true, es2024: true },
  rules: {
    // A circle that closes through a type import is a circle, too.
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'typescript/no-explicit-any': 'error',
    'typescript/consistent-type-imports': 'error',
    'no-console': 'error',
    eqeqeq: ['error', 'always'],
    'no-var': 'error',
    'prefer-const': 'error',
    'no-await-in-loop': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'no-shadow': 'off',
    'no-underscore-dangle': 'off',
    'import/no-unassigned-import': 'off',
    'no-unmodified-loop-condition': 'off',
    'vitest/no-conditional-tests': 'off',
    'vitest/require-mock-type-parameters': 'off',
    'max-lines': ['warn', { max: 400 }],
  },
  ignorePatterns: ['dist', 'node_modules', 'schema'],
  overrides: [
    ...Object.entries(MAY_IMPORT).map(direction),
    {
      files: ['src/cli/**/*.ts', 'src/main.ts', 'bin/**'],
      excludeFiles: ['**/*.test.ts'],
      rules: { 'no-restricted-imports': ['error', NO_SHARED_FOLDER] },
    },
    {
      files: ['web/src/**'],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: [
                  '**/src/**',
                  '!**/src/http/wire.ts',
                  '!**/src/http/wire-reports.ts',
                  '!**/src/support/text/lex-markdown.ts',
                  '!**/src/support/text/token-shape.ts',
                ],
                message:
                  'The page shares with the gateway the types of the wire, the bounded lexer of answers and the shapes of secrets.',
              },
            ],
          },
        ],
      },
    },
    {
      files: ['src/http/wire.ts', 'src/http/wire-reports.ts'],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              { group: ['*', '!./wire.ts'], message: 'The page imports these types: they import nothing.' },
            ],
          },
        ],
      },
    },
    {
      files: ['bench/**', 'test/support/**', 'bin/**', 'src/cli/**', 'src/sandbox/**'],
      rules: { 'no-console': 'off', 'no-var': 'off' },
    },
  ],
})
