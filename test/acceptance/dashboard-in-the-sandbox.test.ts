import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { launchChromium, visit, whyWithout, withoutChromium } from '../support/web/chromium.ts'

/** The whole gateway in its sandbox takes its answers' time, on a machine that does other things too. */
const STORY = { timeout: 120_000 }
const SOON = { timeout: 30_000 }

describe.skipIf(withoutChromium)(`the dashboard in the sandbox${whyWithout}`, () => {
  let browser: Browser
  let gateway: GatewayProcess
  beforeAll(async () => {
    browser = await launchChromium()
    gateway = await GatewayProcess.start({ args: ['--sandbox'] })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await gateway?.[Symbol.asyncDispose]()
  })

  const origin = () => new URL(/http:\S+#ticket/.exec(gateway.stdout)![0]).origin
  const token = () => readFileSync(join(gateway.home, 'sandbox', 'gateway.token'), 'utf8').trim()
  const ask = async (path: string, body?: object) =>
    await fetch(origin() + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token()}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  const freshAddress = async () => ((await (await ask('/api/tickets', {})).json()) as { url: string }).url
  /** How long a message takes until it is stored, in milliseconds. */
  const medianOfPosts = async (name: string): Promise<number> => {
    const times: number[] = []
    for (let message = 0; message < 40; message++) {
      const begin = performance.now()
      const response = await ask(`/api/conversations/${name}-${message % 8}/messages`, {
        text: `message ${message}`,
      })
      expect(response.status).toBe(202)
      times.push(performance.now() - begin)
    }
    return times.sort((a, b) => a - b)[times.length / 2]!
  }
  const say = async (page: Page, text: string) => {
    await page.fill('textarea', text)
    await page.keyboard.press('Enter')
  }
  const go = (page: Page, name: string) => page.click(`.rail >> text=${name}`)

  test(
    'a first visit: an answer, the sign-in is revoked, a message is held, signed in on the page, answered',
    STORY,
    async () => {
      await using visitor = await visit(browser, await freshAddress())
      const { page, context } = visitor
      await page.waitForSelector('.welcome')
      await say(page, 'Hello')
      await page.waitForSelector('.answer:not(.draft)', SOON)
      await go(page, 'Status')
      await expect
        .poll(() => page.innerText('.hero-sentence'), SOON)
        .toMatch(/^Signed in\. Next refresh in \d+ s; your/)

      await page.click('.hero-action')
      await page.click('text=Revoke the sign-in')
      await page.waitForSelector('.bench-said >> text=The sign-in is revoked')
      await page.waitForSelector('.events >> text=revoked')
      await go(page, 'Chat')
      await say(page, 'Are you still there?')
      await page.waitForSelector('.mine[data-state=held]', SOON)

      // Pushed by the gateway: nothing is reloaded.
      await go(page, 'Status')
      await expect.poll(() => page.innerText('.hero-sentence'), SOON).toContain('been signed out')
      await expect.poll(() => page.innerText('.hero-sentence'), SOON).toContain('1 message saved.')
      await go(page, 'Queue')
      await page.waitForSelector('.queue-row >> text=The sign-in was revoked.')
      expect(await page.content()).not.toContain('Are you still there?</blockquote>')
      await page.click('text=Show message')
      await page.waitForSelector('blockquote >> text=Are you still there?')

      await go(page, 'Status')
      await page.click('.hero-action')
      await page.click('text=I understand, continue')
      const opening = context.waitForEvent('page')
      await page.click('text=Open the sign-in page')
      const authorize = await opening
      await authorize.click('button[value=approve]')
      await authorize.waitForSelector('code, pre, input')
      const code = /[\w-]{10,}#[\w-]{10,}/.exec(await authorize.innerText('body'))![0]
      await authorize.close()
      const field = page.getByLabel('Code from the page')
      await field.fill(`${code}x`)
      await page.keyboard.press('Enter')
      await page.waitForSelector('.outcome.bad:not(:empty)')
      expect(await page.innerText('.outcome.bad:not(:empty)')).toContain('Nothing was changed.')
      await field.fill(code)
      await page.keyboard.press('Enter')
      await page.waitForSelector('text=Signed in as', SOON)
      await expect.poll(() => page.innerText('.facts'), SOON).toContain('Active')

      await go(page, 'Chat')
      await page.waitForSelector('.mine[data-state=answered] >> text=Are you still there?', SOON)
      await go(page, 'Incidents')
      await page.waitForSelector('.incident:not(.going-on) >> text=the sign-in was revoked', SOON)
      await expect.poll(() => page.innerText('.incident .story'), SOON).toContain('Answering messages again')
      await go(page, 'Queue')
      await page.waitForSelector('text=The queue is empty')
      // Nothing that was pasted is left anywhere.
      for (const secret of code.split('#')) {
        expect(await page.content()).not.toContain(secret)
        expect(await page.evaluate('JSON.stringify([location.href, {...localStorage}])')).not.toContain(
          secret,
        )
      }
      // A refused paste is a 400, which the browser's console logs automatically.
      expect(visitor.complaints.filter((text) => !text.includes('400'))).toEqual([])
    },
  )

  test('an API key that the provider rejects is refused in a sentence and kept nowhere', STORY, async () => {
    await using visitor = await visit(browser, await freshAddress())
    const { page } = visitor
    await page.waitForSelector('textarea')
    await go(page, 'Sign-in')
    const key = 'sk-ant-api03-TESTkeyTESTkeyTESTkeyTESTkeyTESTkeyTESTkeyTESTkey'
    await page.getByLabel('API key', { exact: true }).fill(key)
    await page.click('text=Check and use')
    await page.waitForSelector('.outcome.bad:not(:empty)', SOON)
    expect(await page.innerText('.outcome.bad:not(:empty)')).toBe(
      'The provider does not accept this key. Nothing was stored.',
    )
    expect(await page.inputValue('input[type=password]')).toBe('')
    expect(await page.content()).not.toContain(key)
  })

  test('plots and strip show what happened just now, and keep updating', STORY, async () => {
    await using visitor = await visit(browser, await freshAddress())
    const { page } = visitor
    await page.waitForSelector('textarea')
    await go(page, 'Status')
    await page.waitForSelector('.strip-drawing .token')
    await page.waitForSelector('.plot canvas')
    await expect
      .poll(() => page.getByRole('img', { name: /^Messages per minute/ }).getAttribute('aria-label'), SOON)
      .toMatch(/answered: at most [1-9]/)
    const before = await page.getByRole('img', { name: /^Time to answer/ }).getAttribute('aria-label')
    expect(before).toMatch(/median: at most \d/)
    // By keyboard: the newest value is read out, and a closer look keeps the plots.
    await page.getByRole('img', { name: /^Held messages/ }).focus()
    await page.keyboard.press('ArrowLeft')
    await expect.poll(() => page.locator('.plot [aria-live]').allInnerTexts()).not.toEqual(['', '', '', ''])
    await page.keyboard.press('+')
    await page.waitForSelector('text=Back to now')
    await page.click('text=Back to now')
    await page.click('text=30 days')
    await page.waitForSelector('[aria-pressed=true] >> text=30 days')
    expect(visitor.complaints).toEqual([])
  })

  test('with twenty tabs open, messages are taken about as fast as without them', STORY, async () => {
    await using visitor = await visit(browser, await freshAddress())
    const { page, context } = visitor
    await page.waitForSelector('textarea')
    const before = await medianOfPosts('alone')
    const tabs = await Promise.all(Array.from({ length: 19 }, () => context.newPage()))
    const views = ['/status', '/queue', '/incidents', '/sandbox', '/']
    for (const [index, tab] of tabs.entries()) await tab.goto(origin() + views[index % views.length]!)
    await Promise.all(tabs.map((tab) => tab.waitForSelector('.rail')))
    const after = await medianOfPosts('crowded')
    // Twenty pages that draw take the machine's time themselves; the gateway adds next to nothing.
    expect(after).toBeLessThan(Math.max(100, 10 * before))
    // Each tab still hears what happens.
    await ask('/api/sandbox/fault', { target: 'token-endpoint', fault: '503', forMs: 1_000 })
    const sandboxTabs = tabs.filter((tab) => tab.url().endsWith('/sandbox'))
    for (const tab of sandboxTabs) await tab.waitForSelector('.events >> text=Broken: 503', SOON)
  })

  test('the whole page is under 150 kB', () => {
    const folder = join(import.meta.dirname, '../../dist/web')
    const sizes = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.br'))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)).length)
    expect(sizes.length).toBeGreaterThan(4)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000)
  })
})
