import { createServer, type AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { launchChromium, visit, whyWithout, withoutChromium } from '../support/web/chromium.ts'

/** The whole gateway in its sandbox takes its answers' time, on a machine that does other things too. */
const STORY = { timeout: 90_000 }

describe.skipIf(withoutChromium)(`a visit to the sandbox${whyWithout}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  const say = async (page: Page, text: string) => {
    await page.fill('textarea', text)
    await page.keyboard.press('Enter')
  }
  /** On a port of its own, so that it is found there again after a restart. */
  const startSandbox = async () => {
    const finder = createServer()
    await new Promise<void>((resolve) => finder.listen(0, '127.0.0.1', resolve))
    const { port } = finder.address() as AddressInfo
    await new Promise((resolve) => finder.close(resolve))
    return await GatewayProcess.start({ args: ['--sandbox', '--port', String(port)] })
  }
  const printedAddress = (gateway: GatewayProcess) => /http:\S+#ticket=\S+/.exec(gateway.stdout)![0]

  test('chat, revoke, held, sign in on the page, answered', STORY, async () => {
    await using gateway = await startSandbox()
    await using visitor = await visit(browser, printedAddress(gateway))
    const { page, context } = visitor
    await page.waitForSelector('.welcome')
    await say(page, 'Hello')
    await page.waitForSelector('.answer:not(.draft)')

    await say(page, '!revoke')
    await page.waitForSelector('.answer:not(.draft) >> text=revoked')
    await say(page, 'Are you still there?')
    await page.waitForSelector(
      '.mine[data-state=held] >> text=Saved · will be answered when Claude is back',
      { timeout: 20_000 },
    )
    await page.waitForSelector('.notice')
    await expect.poll(() => page.innerText('.status')).toContain('1 message saved.')

    await page.click('.fix')
    const opening = context.waitForEvent('page')
    // Before the link come the terms.
    expect(await page.locator('dialog a').count()).toBe(0)
    await page.click('dialog >> text=I understand, continue')
    await page.click('dialog a')
    const authorize = await opening
    await authorize.click('button[value=approve]')
    await authorize.waitForSelector('code, pre, input')
    const code = /[\w-]{10,}#[\w-]{10,}/.exec(await authorize.innerText('body'))![0]
    await authorize.close()

    await page.fill('dialog input', `${code}x`)
    await page.keyboard.press('Enter')
    await page.waitForSelector('dialog [role=alert]')
    await page.fill('dialog input', code)
    await page.keyboard.press('Enter')
    await page.waitForSelector('dialog >> text=Signed in as')
    await page.keyboard.press('Escape')
    await page.waitForSelector('.mine[data-state=answered] >> text=Are you still there?', { timeout: 20_000 })
    await expect.poll(() => page.innerText('.status')).toContain('ready')
    expect(await page.locator('.notice').count()).toBe(1)
    // Nothing that was pasted is anywhere on the page.
    expect(await page.content()).not.toContain(code.split('#')[0])
  })

  test(
    'killed in the middle of an answer: after the restart the page shows it whole, once',
    STORY,
    async () => {
      await using gateway = await startSandbox()
      await using visitor = await visit(browser, printedAddress(gateway))
      const { page } = visitor
      await page.waitForSelector('.welcome')
      await say(page, '!long 8')
      await page.waitForSelector('.draft')
      await gateway.kill('SIGKILL')
      await page.waitForSelector('.status.bad')
      await gateway.start()
      await page.waitForSelector('.mine[data-state=answered]', { timeout: 60_000 })
      await expect.poll(() => page.locator('.draft').count()).toBe(0)
      expect(await page.locator('.answer').count()).toBe(1)
      expect(await page.locator('.mine').count()).toBe(1)
      expect((await page.innerText('.answer .prose')).length).toBeGreaterThan(7_000)
    },
  )

  test(
    'the gateway is killed after it has stored a message and before it can say so: answered once',
    STORY,
    async () => {
      await using gateway = await startSandbox()
      // Only the response to the post would confirm it to this page.
      const before =
        'delete window.SharedWorker; window.EventSource = class { addEventListener() {} close() {} }'
      await using visitor = await visit(browser, printedAddress(gateway), { before })
      const { page, context } = visitor
      await page.waitForSelector('.welcome')
      const posted: string[] = []
      const killed = Promise.withResolvers<void>()
      await context.route('**/messages', async (route) => {
        const { messageId } = route.request().postDataJSON() as { messageId: string }
        posted.push(messageId)
        if (posted.length > 1) return route.fallback()
        await route.fetch()
        await gateway.kill('SIGKILL')
        await route.abort()
        killed.resolve()
      })
      await say(page, 'Hello')
      await killed.promise
      await page.waitForSelector('.pending >> text=Not sent yet')
      await gateway.start()
      await expect.poll(() => page.locator('.pending').count(), { timeout: 60_000 }).toBe(0)
      expect(posted.length).toBeGreaterThan(1)
      expect(new Set(posted).size).toBe(1)
      await page.reload()
      const read = () => page.locator('.log > article').allInnerTexts()
      await expect
        .poll(async () => (await page.reload(), await page.waitForSelector('.mine'), (await read()).length), {
          timeout: 60_000,
          interval: 500,
        })
        .toBe(2)
      expect(await page.locator('.mine').count()).toBe(1)
    },
  )
})
