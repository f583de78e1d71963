import { globSync } from 'node:fs'
import { matchesGlob } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECTS } from '../../vitest.config.ts'

const FILES = globSync('{src,web,test,bench}/**/*.test.{ts,tsx}')

interface Rule {
  readonly include: readonly string[]
  readonly exclude?: readonly string[]
}

const matches = (file: string, globs: readonly string[]) => globs.some((glob) => matchesGlob(file, glob))
const isIn = (file: string, { include, exclude = [] }: Rule) =>
  matches(file, include) && !matches(file, exclude)

/** The projects in which a file runs on the storage that its project is for. */
function projectsOf(file: string): string[] {
  return Object.entries<Rule>(PROJECTS).flatMap(([name, rule]) => (isIn(file, rule) ? [name] : []))
}

test('every test file is in one project', () => {
  expect(FILES.length).toBeGreaterThan(0)
  const odd = FILES.map((file) => [file, projectsOf(file)] as const).filter(([, names]) => names.length !== 1)
  expect(odd).toEqual([])
})

test('what runs a second time on PostgreSQL runs on SQLite first', () => {
  const twice = FILES.filter((file) => matches(file, PROJECTS.fleet.also))
  expect(twice.length).toBeGreaterThan(0)
  expect(twice.filter((file) => projectsOf(file)[0] === 'fleet')).toEqual([])
})

test('every rule of a project finds a file', () => {
  const globs = Object.values(PROJECTS).flatMap((rule) => [
    ...rule.include,
    ...('also' in rule ? rule.also : []),
    ...('exclude' in rule ? rule.exclude : []),
  ])
  expect(globs.filter((glob) => !FILES.some((file) => matchesGlob(file, glob)))).toEqual([])
})
