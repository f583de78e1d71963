import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with one plain line that any script can read: `N passed, N failed, N skipped`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') counts.passed++
        else if (state === 'failed') counts.failed++
        else {
          counts.skipped++
          console.log(`skipped: ${test.fullName}`)
        }
      }
      if (module.state() === 'failed' && module.children.size === 0) counts.failed++
    }
    // After the default reporter's summary, which is written in the same tick.
    process.on('exit', () => {
      console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
    })
  }
}
