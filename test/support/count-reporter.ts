import type { Reporter, TestCase, TestModule } from 'vitest/node'

const SLOWEST = 10

/**
 * Ends the run with the slowest tests, the time of each project, whatever needed a second try, and
 * one plain line that any script can read: `N passed, N failed, N skipped`.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const test of tests) {
      const { state } = test.result()
      if (state === 'passed') counts.passed++
      else if (state === 'failed') counts.failed++
      else {
        counts.skipped++
        console.log(`skipped: ${test.fullName}`)
      }
      const tries = test.diagnostic()?.retryCount ?? 0
      if (tries > 0) console.log(`needed ${tries + 1} tries: ${test.fullName}`)
    }
    for (const module of modules)
      if (module.state() === 'failed' && module.children.size === 0) counts.failed++
    const lines = [
      ...slowest(tests),
      ...projects(modules),
      `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
    ]
    // After the default reporter's summary, which is written in the same tick.
    process.on('exit', () => console.log(lines.join('\n')))
  }
}

function slowest(tests: readonly TestCase[]): string[] {
  return tests
    .map((test) => ({ test, ms: test.diagnostic()?.duration ?? 0 }))
    .toSorted((one, other) => other.ms - one.ms)
    .slice(0, SLOWEST)
    .map(({ test, ms }) => `slow: ${seconds(ms)}  ${test.project.name}  ${test.fullName}`)
}

/** What the files of each project took together; several run at a time. */
function projects(modules: readonly TestModule[]): string[] {
  const byName = Map.groupBy(modules, ({ project }) => project.name)
  return [...byName].map(([name, files]) => {
    const ms = files.reduce((sum, file) => sum + durationOf(file), 0)
    return `project ${name}: ${files.length} files, ${seconds(ms)}`
  })
}

function durationOf(file: TestModule): number {
  const { duration, setupDuration, collectDuration, environmentSetupDuration } = file.diagnostic()
  return duration + setupDuration + collectDuration + environmentSetupDuration
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
