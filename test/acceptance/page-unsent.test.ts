import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Secret } from '../../src/support/secret.ts'
import {
  CHROMIUM_ARGUMENTS,
  chromiumPath,
  launchChromium,
  visit,
  whyWithout,
  withoutChromium,
  type VisitOptions,
} from '../support/web/chromium.ts'
import { startTestGateway, type TestGateway } from '../support/web/http-gateway.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Pages and gateways that come and go, on a machine that does other things too. */
const STORY = { timeout: 90_000 }

describe.skipIf(withoutChromium)(`what is not sent yet${whyWithout}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  const open = async (gateway: TestGateway, options: VisitOptions = {}) => {
    const visitor = await visit(browser, gateway.server.pageAddress(), options)
    await visitor.page.waitForSelector('textarea')
    // Connected: what is lost later is seen to be lost.
    if (!options.before?.includes('EventSource')) await visitor.page.waitForSelector('.status.good')
    return visitor
  }
  const say = async (page: Page, text: string) => {
    await page.fill('textarea', text)
    await page.keyboard.press('Enter')
  }
  const goAway = async (gateway: TestGateway, page: Page) => {
    await gateway.server.close()
    await expect.poll(() => page.innerText('.status')).toContain('No connection')
  }
  /** The same gateway at the same address, with what it had stored. */
  const comeBack = (gateway: TestGateway) =>
    startTestGateway({
      port: Number(new URL(gateway.url).port),
      services_: { chat: gateway.channel, conversations: gateway.chat, events: gateway.chat.events },
    })
  const textsOf = (gateway: TestGateway, page: { url(): string }) =>
    gateway.chat
      .rows(`web:${new URL(page.url()).pathname.slice('/c/'.length)}`)
      .filter(({ role }) => role === 'user')
      .map(({ text }) => text)
  /** The ids of the unsent messages, as the browser keeps them. */
  const keptIds = (page: Page) =>
    page.evaluate<string[]>(`new Promise((resolve) => {
      indexedDB.open('hermes').onsuccess = ({ target }) => {
        target.result.transaction('unsent').objectStore('unsent').getAllKeys().onsuccess = (event) =>
          resolve(event.target.result)
      }
    })`)
  const reopen = async (context: BrowserContext, address: string) => {
    const page = await context.newPage()
    await page.goto(address)
    await page.waitForSelector('textarea')
    return page
  }

  test('is sent once, in order, after the tab was closed and the gateway restarted', STORY, async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page, context } = visitor
    await say(page, 'while you were here')
    await page.waitForSelector('.mine[data-state]')
    const address = page.url()
    await goAway(gateway, page)
    await say(page, 'first')
    await say(page, 'second')
    await expect.poll(() => page.locator('.pending >> text=Not sent yet').count()).toBe(2)
    expect(await page.innerText('.status')).toContain('2 messages not sent yet')
    const ids = await keptIds(page)
    expect(ids).toHaveLength(2)
    await page.close()

    await using again = await comeBack(gateway)
    const next = await reopen(context, address)
    await expect.poll(() => next.locator('.mine[data-state]').count()).toBe(3)
    expect(textsOf(gateway, next)).toEqual(['while you were here', 'first', 'second'])
    await expect.poll(() => next.locator('.pending').count()).toBe(0)
    const sent = gateway.chat.rows(`web:${new URL(address).pathname.slice('/c/'.length)}`)
    expect(
      sent
        .slice(1)
        .map((row) => row.platformMessageId)
        .toSorted(),
    ).toEqual(ids.toSorted())
    await expect.poll(() => keptIds(next)).toEqual([])
    expect(again.server.readers).toBe(1)
  })

  test('survives the browser, killed without a warning, and a new sign-in', STORY, async () => {
    await using gateway = await startTestGateway()
    const profile = await mkdtemp(join(tmpdir(), 'hermes-browser-'))
    const launch = () =>
      chromium.launchPersistentContext(profile, { executablePath: chromiumPath!, args: CHROMIUM_ARGUMENTS })
    try {
      const context = await launch()
      const page = await context.newPage()
      await page.goto(gateway.server.pageAddress())
      await page.waitForSelector('textarea')
      await goAway(gateway, page)
      await say(page, 'remember this')
      await page.waitForSelector('.pending >> text=Not sent yet')
      await page.fill('textarea', 'and this, unfin')
      await expect
        .poll(() =>
          page.evaluate(`new Promise((resolve) => {
            indexedDB.open('hermes').onsuccess = ({ target }) => {
              target.result.transaction('drafts').objectStore('drafts').getAll().onsuccess = (event) =>
                resolve(event.target.result.map(({ text }) => text))
            }
          })`),
        )
        .toEqual(['and this, unfin'])
      const address = page.url()
      const cdp = await context.browser()!.newBrowserCDPSession()
      const { processInfo } = await cdp.send('SystemInfo.getProcessInfo')
      process.kill(processInfo.find(({ type }) => type === 'browser')!.id, 'SIGKILL')
      await context.close().catch(() => {})

      await using again = await comeBack(gateway)
      const second = await launch()
      const next = await second.newPage()
      await next.goto(again.server.pageAddress())
      await next.waitForSelector('textarea')
      await next.goto(address)
      await next.waitForSelector('.mine[data-state] >> text=remember this')
      expect(textsOf(gateway, next)).toEqual(['remember this'])
      expect(await next.inputValue('textarea')).toBe('and this, unfin')
      await second.close()
    } finally {
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    }
  })

  test('is not sent a second time when only the answer of the gateway was lost', STORY, async () => {
    await using gateway = await startTestGateway()
    // Neither the stream nor the list of messages confirms it: only the response to the post would.
    const before =
      'delete window.SharedWorker; window.EventSource = class { addEventListener() {} close() {} }'
    await using visitor = await open(gateway, { before })
    const { page, context } = visitor
    await context.route('**/messages?*', (route) => route.fulfill({ json: { items: [], revision: 0 } }))
    let [posts, isLost] = [0, true]
    await context.route('**/messages', async (route) => {
      posts++
      // The gateway stores the first one, and the page never learns it.
      if (posts === 1) await route.fetch()
      await (isLost ? route.abort() : route.fallback())
    })
    await say(page, 'only once')
    await page.waitForSelector('.pending >> text=Not sent yet')
    const [id] = await keptIds(page)
    const address = page.url()
    await page.close()
    isLost = false
    const earlier = posts
    const next = await reopen(context, address)
    await expect.poll(() => keptIds(next)).toEqual([])
    expect(posts).toBe(earlier + 1)
    const rows = gateway.chat.rows(`web:${new URL(address).pathname.slice('/c/'.length)}`)
    expect(rows.map((row) => [row.text, row.platformMessageId])).toEqual([['only once', id]])
  })

  test('is sent by one of two tabs, and each shows it', STORY, async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page, context } = visitor
    const other = await reopen(context, page.url())
    await goAway(gateway, page)
    await say(page, 'from the first tab')
    await other.waitForSelector('.pending >> text=from the first tab')
    await say(other, 'from the second tab')
    await page.waitForSelector('.pending >> text=from the second tab')
    // Tries while nobody listens have no response.
    let taken = 0
    context.on('response', (response) => {
      if (response.request().method() === 'POST' && response.url().endsWith('/messages')) taken++
    })
    await using again = await comeBack(gateway)
    for (const tab of [page, other]) {
      await expect.poll(() => tab.locator('.mine[data-state]').count()).toBe(2)
      await expect.poll(() => tab.locator('.pending').count()).toBe(0)
    }
    expect(textsOf(gateway, page)).toEqual(['from the first tab', 'from the second tab'])
    expect(again.server.readers).toBe(1)
    expect(taken).toBe(2)
  })

  test('can be cancelled in any tab, and is gone for good', STORY, async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page, context } = visitor
    const other = await reopen(context, page.url())
    await goAway(gateway, page)
    await say(page, 'on second thoughts')
    await say(page, 'this one')
    await other.click('.pending:has-text("on second thoughts") >> text=Cancel')
    await expect.poll(() => page.locator('.pending').count()).toBe(1)
    await using _again = await comeBack(gateway)
    await page.waitForSelector('.mine[data-state] >> text=this one')
    await page.reload()
    await page.waitForSelector('.mine[data-state] >> text=this one')
    expect(textsOf(gateway, page)).toEqual(['this one'])
  })

  test('carries its picture along, which is uploaded when it can be', STORY, async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page, context } = visitor
    await goAway(gateway, page)
    await page.setInputFiles('input[type=file]', [{ name: 'dot.png', mimeType: 'image/png', buffer: PNG }])
    await page.waitForSelector('.chip >> text=not uploaded yet')
    await say(page, 'see this')
    await page.waitForSelector('.pending .file >> text=dot.png')
    await expect.poll(() => keptIds(page)).toHaveLength(1)
    const address = page.url()
    await page.close()
    await using _again = await comeBack(gateway)
    const next = await reopen(context, address)
    await next.waitForSelector('.mine[data-state] >> text=see this')
    const [row] = gateway.chat.rows(`web:${new URL(address).pathname.slice('/c/'.length)}`)
    expect(row!.attachments).toMatchObject([{ name: 'dot.png', size: PNG.length, mediaType: 'image/png' }])
  })

  test.each([
    [
      'is full',
      "IDBObjectStore.prototype.put = () => { throw new DOMException('no', 'QuotaExceededError') }",
    ],
    [
      'let the page store anything',
      "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError') }",
    ],
  ])(
    'says so where the browser’s storage does not work (%s), and is sent all the same',
    STORY,
    async (words, before) => {
      await using gateway = await startTestGateway()
      await using visitor = await open(gateway, { before })
      const { page } = visitor
      await goAway(gateway, page)
      await say(page, 'hold on to this')
      await page.waitForSelector(`.pending >> text=${words}`)
      expect(await page.innerText('.pending')).toContain('leave this page open until it is sent')
      // Leaving would lose it, so the browser asks first.
      const asked = page.waitForEvent('dialog')
      const closing = page.close({ runBeforeUnload: true })
      await (await asked).dismiss()
      await closing
      await using _again = await comeBack(gateway)
      await page.waitForSelector('.mine[data-state] >> text=hold on to this')
      expect(textsOf(gateway, page)).toEqual(['hold on to this'])
    },
  )

  test(
    'that the gateway refuses for good shows why, is not tried again, and blocks nothing',
    STORY,
    async () => {
      await using gateway = await startTestGateway()
      await using visitor = await open(gateway)
      const { page, context } = visitor
      let posts = 0
      await context.route('**/messages', async (route) => {
        if (route.request().method() !== 'POST' || !route.request().postData()!.includes('never'))
          return route.fallback()
        posts++
        await route.fulfill({
          status: 404,
          json: { error: { code: 'channel-off', message: 'The web chat is switched off.' } },
        })
      })
      await say(page, 'never')
      await say(page, 'but this')
      await page.waitForSelector('.mine[data-state] >> text=but this')
      await page.waitForSelector('.failed >> text=The web chat is switched off.')
      await page.reload()
      await page.waitForSelector('.failed >> text=The web chat is switched off.')
      await expect.poll(() => page.innerText('.status')).toContain('ready')
      expect(posts).toBe(1)
      await context.unroute('**/messages')
      await page.click('text=Try again')
      await page.waitForSelector('.mine[data-state] >> text=never')
      expect(textsOf(gateway, page)).toEqual(['but this', 'never'])
    },
  )

  test(
    'waits for its writer: another gateway at the same address neither gets nor shows it',
    STORY,
    async () => {
      await using gateway = await startTestGateway()
      await using visitor = await open(gateway)
      const { page, context } = visitor
      const address = page.url()
      await goAway(gateway, page)
      await say(page, 'for my own gateway')
      await page.waitForSelector('.pending')
      await page.fill('textarea', 'and a draft')
      {
        // The tab that is still open must not send it either, although the cookie is another one now.
        await using stranger = await startTestGateway({
          port: Number(new URL(gateway.url).port),
          gatewayToken: new Secret('TEST-another-gateway-token-0123456789'),
        })
        const next = await context.newPage()
        await next.goto(stranger.server.pageAddress())
        await next.waitForSelector('textarea')
        await next.goto(address)
        await next.waitForSelector('.side-foot >> text=One unsent message of another sign-in')
        expect(await next.innerText('body')).not.toContain('for my own gateway')
        expect(await next.inputValue('textarea')).toBe('')
        await page.waitForSelector('text=This browser is signed out')
        const path = new URL(address).pathname.slice('/c/'.length)
        expect(stranger.chat.rows(`web:${path}`)).toEqual([])
        await next.close()
      }
      await using again = await comeBack(gateway)
      await page.goto('about:blank')
      await page.goto(again.server.pageAddress())
      await page.waitForSelector('textarea')
      await page.goto(address)
      await page.waitForSelector('.mine[data-state] >> text=for my own gateway')
      expect(textsOf(gateway, page)).toEqual(['for my own gateway'])
      expect(await page.inputValue('textarea')).toBe('and a draft')
    },
  )

  test('keeps a draft for each conversation, over a change of conversation and a reload', STORY, async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.fill('textarea', 'half a thought')
    await page.click('button.new')
    await expect.poll(() => page.inputValue('textarea')).toBe('')
    await page.fill('textarea', 'another')
    await page.goBack()
    await expect.poll(() => page.inputValue('textarea')).toBe('half a thought')
    await page.reload()
    await page.waitForSelector('textarea')
    expect(await page.inputValue('textarea')).toBe('half a thought')
    await page.focus('textarea')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mine[data-state]')
    await page.reload()
    await page.waitForSelector('.mine[data-state]')
    expect(await page.inputValue('textarea')).toBe('')
    await page.goForward()
    await expect.poll(() => page.inputValue('textarea')).toBe('another')
  })
})
