/**
 * Which storage the suites run on that hold for both. The whole suite runs on SQLite; those that are
 * named in the runner's configuration run a second time with this variable set.
 */
export const STORAGE = process.env['HERMES_TEST_STORAGE'] === 'postgres' ? 'postgres' : 'sqlite'
