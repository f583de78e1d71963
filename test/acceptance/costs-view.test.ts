import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json } from '../../src/http/answers.ts'
import type { UsageWithCache } from '../../src/http/wire-reports.ts'
import { DAY } from '../../src/support/clock.ts'
import {
  launchChromium,
  visit,
  whyWithout,
  withoutChromium,
  type VisitOptions,
} from '../support/web/chromium.ts'
import { openGatewayOfStories } from '../support/web/dashboard-stories.ts'
import type { TestGateway } from '../support/web/http-gateway.ts'
import { NO_USAGE } from '../support/web/usage-story.ts'

/** Set, the pictures of each test are kept there. */
const PICTURES = process.env['HERMES_TEST_PICTURES']
const MANY = { timeout: 120_000 }

describe.skipIf(withoutChromium)(`the costs on the page${whyWithout}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  const open = async (gateway: TestGateway, options: VisitOptions = {}) => {
    const visitor = await visit(browser, gateway.server.pageAddress(), options)
    await visitor.page.waitForSelector('textarea')
    await visitor.page.goto(`${gateway.url}/costs`)
    await visitor.page.waitForSelector('main.board h1')
    return visitor
  }

  test.each([
    ['phone-light', 390, false],
    ['phone-dark', 390, true],
    ['wide-light', 1440, false],
    ['wide-dark', 1440, true],
  ])('on a screen that is %s, everything is drawn inside its plot', MANY, async (name, width, dark) => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway, { width, height: 900, dark })
    const { page } = visitor
    await page.waitForSelector('.day-plot')
    for (const days of [7, 30, 90]) {
      await page.getByRole('button', { name: `${days} days` }).click()
      await page.waitForSelector('.usage-shown:not(.is-old)')
      await expect.poll(() => page.locator('.day-plot').first().locator('> g').count()).toBeGreaterThan(days)
      const outside = await page.evaluate(`
        [...document.querySelectorAll('.day-plot')].flatMap((plot) => {
          const room = plot.getBoundingClientRect()
          return [...plot.querySelectorAll('rect, text')]
            .map((part) => part.getBoundingClientRect())
            .filter((part) => part.left < room.left - 1 || part.right > room.right + 1 ||
              part.top < room.top - 1 || part.bottom > room.bottom + 1).length
        })`)
      expect([days, outside]).toEqual([days, [0, 0, 0]])
      if (PICTURES) {
        mkdirSync(PICTURES, { recursive: true })
        const height = (await page.evaluate("document.querySelector('main.board').scrollHeight")) as number
        await page.setViewportSize({ width, height: height + 120 })
        await page.screenshot({ path: join(PICTURES, `costs-${days}-${name}.png`) })
        await page.setViewportSize({ width, height: 900 })
      }
    }
    expect(visitor.complaints).toEqual([])
  })

  test('an unknown cost is never nothing: the sum is at least the rest, the table says unknown, the plot is marked', async () => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    const cost = await page.locator('.tile', { hasText: 'Cost' }).innerText()
    expect(cost).toMatch(/^Cost at API prices\s+≥ \$\d+\.\d\d\s+\d+ without a price\s+\d+ estimated$/)
    const row = await page.locator('.usage tr', { hasText: 'a-model-of-ours' }).innerText()
    expect(row).toMatch(/unknown$/)
    expect(await page.locator('.day-plot .missing').count()).toBeGreaterThan(0)
    const shown = await page.locator('main.board').innerText()
    expect(shown).not.toMatch(/null|NaN|undefined/)
    expect(shown.split('$0.00').length - 1).toBe(0)
  })

  test('by keyboard: the arrow keys choose a day in every plot, and its values are read out', async () => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    const plot = page.getByRole('img', { name: /^Tokens a day\./ })
    await plot.focus()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowLeft')
    const yesterday = new Date(Date.now() - DAY)
    const words = yesterday.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
    await expect.poll(() => page.locator('.plot-when').allInnerTexts()).toEqual([words, words, words])
    const read = (await page.locator('[aria-live=polite]').allInnerTexts()).filter((text) => text !== '')
    expect(read).toEqual([expect.stringMatching(new RegExp(`^${words}: cache read `))])
    await page.keyboard.press('Tab')
    await expect.poll(() => page.locator('.plot-when').allInnerTexts()).toEqual(['', '', ''])
  })

  test('where nothing was asked of the model, a sentence says so, and no plot is empty', async () => {
    const { gateway, usage } = await openGatewayOfStories()
    usage.answer = async () => json<UsageWithCache>(200, NO_USAGE)
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.waitForSelector('.board-note >> text=Nothing was asked of the model in the last 30 days.')
    await page.getByRole('button', { name: '7 days' }).click()
    await page.waitForSelector('.board-note >> text=Nothing was asked of the model in the last 7 days.')
    expect(await page.locator('.plot, .tile').count()).toBe(0)
  })

  test('costs that cannot be read are an error that can be tried again, and known ones stay', async () => {
    const { gateway, usage } = await openGatewayOfStories()
    const refuse = async () => new Response('{}', { status: 503 })
    usage.answer = refuse
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.waitForSelector('[role=alert] >> text=The costs could not be read.')
    expect(await page.locator('.plot, .plot-wait').count()).toBe(0)
    usage.answer = null
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.waitForSelector('.day-plot')
    expect(await page.locator('[role=alert]').count()).toBe(0)
    usage.answer = refuse
    await page.getByRole('button', { name: '90 days' }).click()
    await page.waitForSelector('[role=alert] >> text=these are from the last time')
    expect(await page.locator('.tile', { hasText: 'Requests' }).innerText()).toContain('in 30 days')
  })

  test.each([390, 1_440])(
    'a slow answer is said to be one after two seconds, and nothing moves when it comes: %i pixels',
    async (width) => {
      const { gateway, usage } = await openGatewayOfStories()
      let release = () => {}
      const released = new Promise<void>((resolve) => (release = resolve))
      usage.before = () => released
      await using _gateway = gateway
      await using visitor = await open(gateway, { width })
      const { page } = visitor
      await page.waitForSelector('.plot-wait')
      expect(await page.getByText('Still adding up').count()).toBe(0)
      await page.waitForSelector('text=Still adding up…')
      const places = () =>
        page.evaluate(`
          [...document.querySelectorAll('.tile, .plots > .panel')].slice(0, 7)
            .map((panel) => panel.getBoundingClientRect())
            .map(({ left, top }) => [Math.round(left), Math.round(top)].join(' '))`)
      const before = await places()
      release()
      await page.waitForSelector('.day-plot')
      await page.waitForSelector('text=Days begin at midnight UTC.')
      expect(await places()).toEqual(before)
    },
  )
})
