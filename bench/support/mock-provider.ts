import { startSandbox } from '../../src/sandbox/sandbox.ts'

/** The simulated Messages API as a process of its own: `node mock-provider.ts DELAY_MS`. Prints its address. */
const delayMs = Number(process.argv[2] ?? 0)
const sandbox = await startSandbox({
  marked: false,
  acceptAnyApiKey: true,
  keepRequests: 0,
  answer: { style: 'echo', delayMs },
})
console.log(sandbox.url)
process.on('SIGTERM', () => void sandbox.close().then(() => process.exit(0)))
