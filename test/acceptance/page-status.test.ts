import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Holding } from '../../src/inbox/gate/readiness.ts'
import { SECOND } from '../../src/support/clock.ts'
import { launchChromium, visit, whyWithout, withoutChromium } from '../support/web/chromium.ts'
import { startTestGateway } from '../support/web/http-gateway.ts'

const COUNTS = { received: 2, answering: 0, held: 1, parked: 0 }

describe.skipIf(withoutChromium)(`what holds messages${whyWithout}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  const start = async (width = 1280) => {
    const gateway = await startTestGateway({ services_: { waiting: async () => COUNTS } })
    const visitor = await visit(browser, gateway.server.pageAddress(), { width, height: 800 })
    await visitor.page.waitForSelector('.status.good')
    return { gateway, visitor, page: visitor.page }
  }
  const held = (status: string, given: Partial<Holding> = {}): Holding => ({
    status,
    reason: null,
    since: Date.now(),
    nextTryAt: null,
    trying: false,
    ...given,
  })

  test('an overload is on every view at once: the cause, all that wait, and the next try, counted down', async () => {
    const { gateway, visitor, page } = await start()
    await using _gateway = gateway
    await using _visitor = visitor
    gateway.setHolding(
      held('provider-unavailable', { reason: 'overloaded', nextTryAt: Date.now() + 59 * SECOND }),
    )
    await page.waitForSelector('.status.wait >> text=Claude is overloaded; 3 messages wait.')
    const left = async (): Promise<number> =>
      Number(/^Next try in (\d+) s\.$/.exec(await page.innerText('.status .next-try'))![1])
    const first = await left()
    expect(first).toBeGreaterThan(30)
    await expect.poll(left).toBeLessThan(first)
    // A screen reader is told the sentence, and not every second.
    expect(await page.innerText('.status [role=status]')).toBe('Claude is overloaded; 3 messages wait.')
    expect(await page.innerText('.rail-count')).toContain('3')
    await page.waitForSelector('.rail-dot.wait')
    await page.click('nav.rail >> text=Status')
    await expect
      .poll(() => page.innerText('.hero-sentence'))
      .toMatch(/^Claude is overloaded; 3 messages wait\. Next try in \d+ s\.$/)
    gateway.setHolding(
      held('provider-unavailable', { reason: 'overloaded', nextTryAt: Date.now(), trying: true }),
    )
    await page.waitForSelector('.hero-sentence >> text=Trying again now.')
    gateway.setHolding(null)
    await page.waitForSelector('.rail-dot.good')
  })

  test.each([
    ['needs-login', 'revoked', "You've been signed out. Sign in to continue. 3 messages saved."],
    ['usage-limited', null, 'The usage limit is reached. Answers resume when it resets. 3 messages saved.'],
    ['provider-unavailable', 'network', "Claude can't be reached right now; 3 messages wait."],
    ['provider-unavailable', 'provider', 'Claude has a problem; 3 messages wait.'],
    ['store', 'store', "The disk or database can't store messages right now. 3 messages saved."],
    ['refreshing', 'expired', 'Refreshing the sign-in. 3 messages saved.'],
    ['stalled', null, 'No message has been answered for several minutes.'],
  ])('%s (%s) is said, with all that wait', async (status, reason, sentence) => {
    const { gateway, visitor, page } = await start(390)
    await using _gateway = gateway
    await using _visitor = visitor
    gateway.setHolding(held(status, { reason }))
    await page.waitForSelector(`.status [role=status] >> text=${sentence}`)
    expect(await page.innerText('.rail-count')).toContain('3')
    // The sentence is read whole, also on a phone.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
  })

  test('a message that waits for a moment says so, and no answer is announced', async () => {
    const { gateway, visitor, page } = await start()
    await using _gateway = gateway
    await using _visitor = visitor
    gateway.setHolding(held('provider-unavailable', { reason: 'overloaded' }))
    await page.waitForSelector('.status.wait')
    await page.fill('textarea', 'Are you there?')
    await page.keyboard.press('Enter')
    await page.waitForSelector(
      '.mine[data-state=received] >> text=Saved · will be answered when Claude is back',
    )
    expect(await page.locator('.thinking').count()).toBe(0)
    gateway.setHolding(null)
    await page.waitForSelector('.thinking')
  })

  test('a reader whose clock is wrong counts down to the right moment', async () => {
    await using gateway = await startTestGateway({ services_: { waiting: async () => COUNTS } })
    const before = 'const now = Date.now; Date.now = () => now() + 3_600_000'
    await using visitor = await visit(browser, gateway.server.pageAddress(), {
      before: `delete window.SharedWorker; ${before}`,
    })
    await visitor.page.waitForSelector('.status.good')
    gateway.setHolding(
      held('provider-unavailable', { reason: 'overloaded', nextTryAt: Date.now() + 59 * SECOND }),
    )
    await visitor.page.waitForSelector('.next-try')
    expect(await visitor.page.innerText('.next-try')).toMatch(/^Next try in [345]\d s\.$/)
  })
})
