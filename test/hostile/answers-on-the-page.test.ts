import { globSync, readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchChromium, visit, whyWithout, withoutChromium } from '../support/web/chromium.ts'
import { startTestGateway } from '../support/web/http-gateway.ts'

/** Every class that a style of the page knows. */
const CLASSES = new Set(
  globSync('web/src/**/*.css').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\.([a-z][\w-]*)/g)].map((match) => match[1]!),
  ),
)

/** An element of each kind that could look like the page, in each of its classes. */
const HOSTILE = [
  ...[...CLASSES].map((name) => `<a class="${name}" href="http://evil.test/${name}">${name}</a>`),
  ...[...CLASSES].map((name) => `<div class="${name}" id="${name}">Your sign-in has ended</div>`),
  '<p style="position:fixed;inset:0">styled</p>',
  '<input type="password"> <button class="copy">Send</button> <textarea>x</textarea>',
  '[a](https://example.org "title") <span hidden aria-hidden="true" data-id="x" data-language="x">hidden</span>',
  '- [x] <i class="off-screen">done</i>',
  '```"class="veil\ncode\n```',
  '| <b class="veil">a</b> |\n|:-:|\n| `<a class="out">` |',
].join('\n\n')

/** What the page itself puts round code and tables. */
const FRAMES = 'div.code, div.code > div.code-head, div.code-head > button.copy, div.table'

describe.skipIf(withoutChromium)(`a hostile answer on the page${whyWithout}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  test.each([390, 1280])('covers nothing and wears nothing of the page, %i pixels wide', async (width) => {
    await using gateway = await startTestGateway()
    await using visitor = await visit(browser, gateway.server.pageAddress(), { width })
    const { page } = visitor
    await page.waitForSelector('textarea')
    const id = `web:${new URL(page.url()).pathname.slice('/c/'.length)}`
    gateway.chat.add(id, { text: HOSTILE })
    await page.waitForSelector('.prose table')
    const odd = await page.locator('.prose *').evaluateAll((all, frames) => {
      const view = globalThis as unknown as {
        getComputedStyle(element: unknown): { position: string; visibility: string }
      }
      return (all as Array<(typeof all)[number] & { readonly outerHTML: string }>).flatMap((element) => {
        const framed = element.matches(frames)
        const bare = ['class', 'style', 'id'].every((name) => !element.hasAttribute(name))
        const still = view.getComputedStyle(element).position === 'static'
        const inert = framed || !element.matches('input, button, textarea, [aria-hidden], [hidden]')
        return still && inert && (framed || bare) ? [] : [element.outerHTML.slice(0, 100)]
      })
    }, FRAMES)
    expect(odd).toEqual([])
    expect(CLASSES.size).toBeGreaterThan(50)
    const shown = await page.innerText('.prose')
    expect(shown).toContain('<a class="notice" href="http://evil.test/notice">notice</a>')
    expect(shown).toContain('<input type="password">')
    expect(visitor.complaints).toEqual([])
  })

  test('lines that look like definitions are shown', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await visit(browser, gateway.server.pageAddress())
    const { page } = visitor
    await page.waitForSelector('textarea')
    const id = `web:${new URL(page.url()).pathname.slice('/c/'.length)}`
    gateway.chat.add(id, { text: 'Log:\n\n[alice]: hello\n[bob]: bye\n\nEnd.' })
    await expect.poll(() => page.innerText('.log')).toContain('[alice]: hello\n[bob]: bye')
    expect(visitor.complaints).toEqual([])
  })
})
