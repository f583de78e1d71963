/** For `onProblem`: what goes wrong in a listener fails the test. */
export function rethrow(error: unknown): never {
  throw error
}
