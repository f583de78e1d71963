import { globSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const PAGES = globSync(['*.md', 'docs/**/*.md', '.github/**/*.md'], { cwd: ROOT })

/** `[text](target)` and `![text](target)`; a title behind the target is left out. */
const LINK = /\]\(([^)\s]+)[^)]*\)/g
const HEADING = /^#{1,6} +(.+)$/gm

describe('the documentation', () => {
  test('has its pages where the test looks for them', () => {
    expect(PAGES).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/architecture.md']),
    )
  })

  test.each(PAGES)('%s links only to files and headings that exist', (page) => {
    const links = [...readPage(page).matchAll(LINK)].map((match) => match[1]!)
    expect(links.filter((link) => !isElsewhere(link) && !resolves(page, link))).toEqual([])
  })
})

function readPage(page: string): string {
  // What is inside code is an example, not a link.
  return readFileSync(join(ROOT, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
}

function isElsewhere(link: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(link)
}

function resolves(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#')
  const target = path === '' ? page : join(dirname(page), decodeURIComponent(path))
  if (!existsSync(join(ROOT, target))) return false
  if (heading === undefined) return true
  return [...readPage(target).matchAll(HEADING)].some((match) => anchorOf(match[1]!) === heading)
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}
