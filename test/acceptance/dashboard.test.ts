import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Refused } from '../../src/support/errors.ts'
import {
  launchChromium,
  visit,
  whyWithout,
  withoutChromium,
  type VisitOptions,
} from '../support/web/chromium.ts'
import { openGatewayOfStories } from '../support/web/dashboard-stories.ts'
import { quietDashboard, startTestGateway, type TestGateway } from '../support/web/http-gateway.ts'

const VIEWS = ['/status', '/queue', '/incidents', '/costs', '/sign-in', '/sandbox'] as const
/** Many views in one test, on a machine that does other things too. */
const MANY = { timeout: 120_000 }

describe.skipIf(withoutChromium)(`the dashboard${whyWithout}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  const open = async (gateway: TestGateway, options: VisitOptions = {}) => {
    const visitor = await visit(browser, gateway.server.pageAddress(), options)
    await visitor.page.waitForSelector('textarea')
    return visitor
  }
  const go = async (page: Page, gateway: TestGateway, path: string) => {
    await page.goto(gateway.url + path)
    await page.waitForSelector('main.board')
    await page.waitForTimeout(600)
  }

  test.each([
    ['a phone, light', 360, false],
    ['a phone, dark', 360, true],
    ['a wide screen, light', 1600, false],
    ['a wide screen, dark', 1600, true],
  ])('every view fits %s, and the checker finds nothing to object to', MANY, async (_what, width, dark) => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway, { width, height: 800, dark, bypassCSP: true })
    const { page } = visitor
    for (const path of ['/c/a', ...VIEWS]) {
      await page.goto(gateway.url + path)
      await page.waitForSelector(path === '/c/a' ? 'textarea' : 'main.board h1')
      await page.waitForTimeout(600)
      if (path === '/incidents') await page.click('summary >> nth=1')
      if (path === '/costs') await page.click('text=Each day as a table')
      if (path === '/queue') await page.click('text=Drop >> nth=0')
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, width])
      const overflow = await page
        .locator(path === '/c/a' ? '.house' : 'main.board')
        .evaluate(
          (element: { scrollWidth: number; clientWidth: number }) =>
            element.scrollWidth - element.clientWidth,
        )
      expect([path, overflow]).toEqual([path, 0])
      await page.evaluate(axe.source)
      const { violations } = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as {
        violations: Array<{ id: string; nodes: Array<{ html: string; failureSummary: string }> }>
      }
      const found = violations.map(({ id, nodes }) => [
        path,
        id,
        ...nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`),
      ])
      expect(found).toEqual([])
    }
    expect(visitor.complaints).toEqual([])
  })

  test('every view comes with the strict policy, and breaks no rule of it', MANY, async () => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    for (const path of VIEWS) {
      const response = await fetch(gateway.url + path)
      const policy = response.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("require-trusted-types-for 'script'")
      expect(policy).not.toContain('unsafe')
      expect(await response.text()).not.toMatch(/<script(?![^>]* src=)|style=|https?:\/\//)
      await go(visitor.page, gateway, path)
    }
    expect(visitor.complaints).toEqual([])
  })

  test('a page at rest asks for nothing: it is told', async () => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    await go(page, gateway, '/status')
    // What was told while the page was being read is read once more.
    await page.waitForTimeout(5_500)
    const asked: string[] = []
    visitor.context.on('request', (request) => asked.push(request.url()))
    await page.waitForTimeout(4_000)
    expect(asked).toEqual([])
  })

  test('a message is dropped only after the time in which it can be taken back', MANY, async () => {
    const { gateway, calls } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    await go(page, gateway, '/queue')
    const rows = page.locator('.queue-row')
    expect(await rows.count()).toBe(3)
    // Asked, and thought better of it.
    await rows.first().getByText('Drop').click()
    await page.waitForSelector('.queue-row button:focus >> text=Yes')
    await page.keyboard.press('Escape')
    await expect.poll(() => rows.first().getByText('Yes').count()).toBe(0)
    // Dropped, and taken back.
    await rows.first().getByText('Drop').click()
    await rows.first().getByText('Yes').click()
    await expect.poll(() => rows.count()).toBe(2)
    await page.getByText('Undo').click()
    await expect.poll(() => rows.count()).toBe(3)
    // Dropped for good.
    await rows.first().getByText('Drop').click()
    // The answer has the focus a moment after it is asked for.
    await page.waitForSelector('.queue-row button:focus >> text=Yes')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.toast >> text=Dropping in')
    expect(calls).toEqual([])
    await expect.poll(() => calls, { timeout: 15_000 }).toEqual(['drop q1'])
    await expect.poll(() => rows.count()).toBe(2)
  })

  test('a parked message is tried again, and all of them only after a question', async () => {
    const { gateway, calls } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    await go(page, gateway, '/queue')
    await page.locator('.queue-row', { hasText: 'parked' }).getByText('Try again').click()
    await expect.poll(() => calls).toEqual(['retry q3'])
    await page.getByText('Retry all parked').click()
    expect(calls).toEqual(['retry q3'])
    await page.getByText('Yes').click()
    await expect.poll(() => calls).toEqual(['retry q3', 'retry all'])
  })

  test('texts of messages are not in the page before somebody asks for one', async () => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    await go(page, gateway, '/queue')
    expect(await page.content()).not.toContain('a private text')
    await page.getByText('Show message').first().click()
    await page.waitForSelector('blockquote >> text=a private text')
  })

  test('what the page lost with the connection it shows when the gateway is back', MANY, async () => {
    const { gateway, dashboard, queue } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page, context } = visitor
    await go(page, gateway, '/queue')
    expect(await page.locator('.queue-row').count()).toBe(3)
    await context.setOffline(true)
    queue.pop()
    dashboard.changes.mark('queue')
    await context.setOffline(false)
    await expect.poll(() => page.locator('.queue-row').count(), { timeout: 15_000 }).toBe(2)
  })

  test('twenty tabs share one stream, and each is told what changes', MANY, async () => {
    const { gateway, dashboard, queue } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const tabs = await Promise.all(Array.from({ length: 19 }, () => visitor.context.newPage()))
    for (const tab of tabs) await tab.goto(`${gateway.url}/queue`)
    await Promise.all(tabs.map((tab) => tab.waitForSelector('.queue-row')))
    // The stream of the page before ends when the server sees its connection close.
    await expect.poll(() => gateway.server.readers).toBe(1)
    queue.pop()
    dashboard.changes.mark('queue')
    await Promise.all(
      tabs.map(async (tab) => {
        await expect.poll(() => tab.locator('.queue-row').count(), { timeout: 20_000 }).toBe(2)
      }),
    )
    expect(gateway.server.readers).toBe(1)
  })

  test('without a sandbox there is no switch to be seen', async () => {
    await using gateway = await startTestGateway({
      services_: {
        dashboard: quietDashboard(),
        login: {
          start: () => Promise.reject(new Refused('no')),
          finish: () => Promise.reject(new Refused('no')),
          confirm: () => Promise.reject(new Refused('no')),
          apiKey: () => Promise.reject(new Refused('no')),
        },
      },
    })
    await using visitor = await open(gateway)
    const labels = await visitor.page.locator('.rail a').allInnerTexts()
    expect(labels.map((label) => label.trim())).toEqual([
      'Chat',
      'Status',
      'Queue',
      'Incidents',
      'Costs',
      'Sign-in',
    ])
  })

  test('by keyboard alone: from the chat to the queue, and the focus is in what has opened', async () => {
    const { gateway } = await openGatewayOfStories()
    await using _gateway = gateway
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.locator('.rail a', { hasText: 'Queue' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForSelector('main.board:focus')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('All')
    await page.goBack()
    await page.waitForSelector('textarea')
    expect(new URL(page.url()).pathname).toMatch(/^\/c\//)
    // What was being written is still there.
    await page.fill('textarea', 'half a sentence')
    await page.locator('.rail a', { hasText: 'Status' }).click()
    await page.waitForSelector('main.board')
    await page.locator('.rail a', { hasText: 'Chat' }).click()
    expect(await page.inputValue('textarea')).toBe('half a sentence')
  })
})
