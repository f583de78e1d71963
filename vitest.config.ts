import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'web/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['./test/support/postgres-setup.ts'],
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
