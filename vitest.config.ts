import { defineConfig } from 'vitest/config'

/** Suites that must hold on every storage; on SQLite they run among all others. */
const ON_EVERY_STORAGE = [
  'src/conversation/{messaging,turn,login}.test.ts',
  'src/inbox/delivery/delivery.test.ts',
  'test/faults/{30,32,34,35-killed,36,37,38,39,40-channel,46,50,52,53,58,59,60}-*.test.ts',
  'test/acceptance/{outage-story,outage-kinds,telegram-conversations,telegram-bot}.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'sqlite',
          include: ['src/**/*.test.ts', 'web/**/*.test.ts', 'test/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: ON_EVERY_STORAGE,
          env: { HERMES_TEST_STORAGE: 'postgres' },
        },
      },
    ],
    globalSetup: ['./test/support/stores/postgres-setup.ts'],
    // Real processes and sockets: generous limits, two at a time on small machines.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is waited for comes from other processes, and the machine may be busy.
    expect: { poll: { timeout: 15_000, interval: 10 } },
    maxWorkers: 2,
    // Real time on a shared machine: what fails once is tried once more there, and only there.
    retry: process.env['CI'] ? 1 : 0,
    pool: 'forks',
    reporters: ['default', './test/support/count-reporter.ts'],
  },
})
