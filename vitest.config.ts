import { defineConfig } from 'vitest/config'
import { SEED } from './test/support/chance.ts'

/** Opens pages in Chromium. */
const BROWSER = [
  'test/acceptance/{costs-view,dashboard,dashboard-in-the-sandbox,page,page-in-line,page-in-the-sandbox,page-status,page-unsent}.test.ts',
  'test/hostile/answers-on-the-page.test.ts',
]

/** Needs a PostgreSQL, also where the same rules are tried on a file beside it. */
const POSTGRES = [
  'src/storage/{copy,postgres}/**/*.test.ts',
  'src/cli/doctor/check-postgres.test.ts',
  'src/credentials/own/own-store.test.ts',
  'src/inbox/dispatch/order-and-loss.property.test.ts',
  'test/acceptance/{on-postgres,storage-commands}.test.ts',
  'test/faults/{11,15,17,18,19,20,21,22,23,24,28-rejected,29,33,56-sign-in,61,62-gateways,62-the-database,63,64-gateways,65-between,87-a-fleet}-*.test.ts',
  'test/fleet/**/*.test.ts',
]

/** Holds on every storage: runs on SQLite where it belongs, and a second time on PostgreSQL. */
const ON_EVERY_STORAGE = [
  'src/conversation/{last-exchange,messaging,tool-turn,turn,turn-budget,login}.test.ts',
  'src/inbox/{delivery/delivery,dispatch/refused-outcome,dispatch/join-turn}.test.ts',
  'test/faults/{30,32,34,35-killed,36,37,38,39,40-channel,46,50,52,53,58,59,60,65-an-outage}-*.test.ts',
  'test/acceptance/{failed-start,outage-story,outage-kinds,telegram-conversations,telegram-bot}.test.ts',
]

/** Starts processes, or takes long, although it stands beside its source or among the contracts. The unit tests take a minute. */
const STARTS_PROCESSES = [
  'src/agent/interleavings.property.test.ts',
  'src/anthropic/{odd-streams,profile,prompt-prefix.property}.test.ts',
  'src/channels/{discord/intake/odd-events,matrix/sync/sync,telegram/intake/media,telegram/intake/poller}.test.ts',
  'src/channels/{discord/socket/gateway,slack/intake/intake,slack/socket/connection}.test.ts',
  'src/channels/kit/reactions/reaction-tracker.test.ts',
  'src/cli/completion/completion-script.test.ts',
  'src/config/home/home.test.ts',
  'src/conversation/{compactions,incoming-message,last-exchange,tool-turn,turn,turn-budget,turn-costs}.test.ts',
  'src/conversation/context/context.test.ts',
  'src/http/openai/completion-endpoint.test.ts',
  'src/config/network.test.ts',
  'src/credentials/claude-code/claude-code-store.test.ts',
  'src/credentials/keeper/{keeper-on-demand,keeper-profile,short-lives}.test.ts',
  'src/credentials/sources/sources.test.ts',
  'src/inbox/dispatch/{dispatcher,join-turn}.test.ts',
  'src/storage/sqlite/{crash,disk-full,storage,upkeep}.test.ts',
  'src/support/{sd-notify,files/file-lock,files/file-watch,files/secret-file}.test.ts',
  'test/contracts/{discord,email,matrix,slack,telegram}-channel.test.ts',
]

/** Beside the source, the contracts and the rules of the suite: neither a process nor a build. */
const UNIT = ['src/**/*.test.ts', 'web/**/*.test.ts', 'test/{contracts,suite}/**/*.test.ts']

/** Whole gateways, the built program, kills, the stories of the faults, and long looks at every pattern. */
const PROCESS = ['test/{*,acceptance/**/*,faults/**/*,hostile/**/*}.test.ts']

/** Each test file is in one of these; the suite fails for one that is in none or in two. */
export const PROJECTS = {
  unit: { include: UNIT, exclude: [...STARTS_PROCESSES, ...POSTGRES] },
  process: {
    include: [...PROCESS, ...STARTS_PROCESSES],
    exclude: [...BROWSER, ...POSTGRES],
  },
  fleet: { include: POSTGRES, also: ON_EVERY_STORAGE },
  browser: { include: BROWSER },
} satisfies Record<string, { include: string[]; exclude?: string[]; also?: string[] }>

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', ...PROJECTS.unit, setupFiles: ['./test/support/no-processes.ts'] },
      },
      { extends: true, test: { name: 'process', ...PROJECTS.process } },
      {
        extends: true,
        test: {
          name: 'fleet',
          include: [...PROJECTS.fleet.include, ...PROJECTS.fleet.also],
          env: { HERMES_TEST_STORAGE: 'postgres' },
          globalSetup: ['./test/support/stores/postgres-setup.ts'],
        },
      },
      { extends: true, test: { name: 'browser', ...PROJECTS.browser } },
    ],
    // One seed for all of a run, so that one number repeats it.
    env: { HERMES_TEST_SEED: String(SEED) },
    // Real processes and sockets: generous limits.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is waited for comes from other processes, and the machine may be busy.
    expect: { poll: { timeout: 15_000, interval: 10 } },
    // Most files wait for processes most of the time: three keep two cores busy.
    maxWorkers: 3,
    // A test that needs a second try is a fault.
    retry: 0,
    pool: 'forks',
    reporters: ['default', './test/support/count-reporter.ts'],
  },
})
