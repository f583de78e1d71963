import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Subject } from '../storage.ts'
export function modelContract(subject: Subject): void {
  test('placeholder', () => {
    expect(fc).toBeDefined()
    expect(subject).toBeDefined()
  })
}
