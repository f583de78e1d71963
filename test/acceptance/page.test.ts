import { createServer, type AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LoginService } from '../../src/http/api/services.ts'
import { Refused } from '../../src/support/errors.ts'
import {
  launchChromium,
  OTHER_MACHINE,
  whyWithout,
  visit,
  withoutChromium,
  type VisitOptions,
} from '../support/web/chromium.ts'
import { startTestGateway, type TestGateway } from '../support/web/http-gateway.ts'

/** The smallest PNG there is. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

describe.skipIf(withoutChromium)(`the page${whyWithout}`, () => {
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
  /** The conversation that the page shows. */
  const shown = (address: string) => `web:${new URL(address).pathname.slice('/c/'.length)}`

  test('sends, shows the answer as it is written, and the finished one once', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.keyboard.type('Hello')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('there')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mine[data-state=received]')
    const id = shown(page.url())
    const [row] = gateway.chat.rows(id)
    expect(row!.text).toBe('Hello\nthere')

    gateway.chat.change(id, row!.id, { state: 'answering' })
    gateway.chat.events.begin(id, 'turn')
    gateway.chat.events.delta(id, '**Hi**, I am ')
    await page.waitForSelector('.draft strong')
    gateway.chat.events.delta(id, 'here.')
    gateway.chat.events.end(id)
    gateway.chat.add(id, { text: '**Hi**, I am here.' })
    gateway.chat.change(id, row!.id, { state: 'answered' })
    await page.waitForSelector('.answer:not(.draft)')
    await expect.poll(() => page.locator('.draft').count()).toBe(0)
    expect(await page.locator('.mine').count()).toBe(1)
    expect(await page.locator('.answer').innerText()).toContain('Hi, I am here.')
    expect(visitor.complaints).toEqual([])
  })

  test('keeps no secret: the ticket leaves the address at once, the cookie is out of reach of scripts', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    expect(page.url()).not.toContain('ticket')
    expect(await page.evaluate('document.cookie')).toBe('')
    expect(await page.evaluate('JSON.stringify([{...localStorage}, {...sessionStorage}])')).toBe('[{},{}]')
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2)
    const [cookie] = await visitor.context.cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
  })

  test('a used address says where a fresh one comes from', async () => {
    await using gateway = await startTestGateway()
    const address = gateway.server.pageAddress()
    await using first = await visit(browser, address)
    await first.page.waitForSelector('textarea')
    await using second = await visit(browser, address)
    await second.page.waitForSelector('h1')
    expect(await second.page.innerText('main')).toContain('hermes dashboard')
    expect(second.page.url()).not.toContain('ticket')
    // Who is signed in already loses nothing by opening it again.
    await first.page.goto(`${gateway.url}/#ticket=${address.split('=')[1]}`)
    await first.page.waitForSelector('textarea')
  })

  test('a held message says that it is saved; the first line says why; both update automatically', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    gateway.chat.outcome = { state: 'held' }
    gateway.setReadiness({ ready: false, status: 'needs-login', reason: 'revoked' })
    await page.fill('textarea', 'Are you there?')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mine[data-state=held]')
    expect(await page.innerText('.mine .state')).toBe('Saved · will be answered when Claude is back')
    await expect.poll(() => page.innerText('.status')).toContain('been signed out')
    const id = shown(page.url())
    gateway.chat.add(id, { role: 'notice', text: 'Your message is saved.' })
    await page.waitForSelector('.notice')
    gateway.setReadiness({ ready: true })
    await expect.poll(() => page.innerText('.status')).toContain('ready')
    gateway.chat.change(id, gateway.chat.rows(id)[0]!.id, { state: 'answered' })
    gateway.chat.add(id, { text: 'Yes.', preface: '(Replying to your message from 2 h ago)' })
    await expect.poll(() => page.innerText('.log')).toContain('(Replying to your message from 2 h ago)')
    expect(await page.locator('.mine .state').count()).toBe(0)
  })

  test('what runs, loads or frames in an answer does not', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    const requests: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    gateway.chat.add(shown(page.url()), {
      text: [
        '<script>window.broken = 1</script><img src="http://127.0.0.1:9/x" onerror="window.broken = 2">',
        '![pixel](http://127.0.0.1:9/pixel?secret)',
        '[click](javascript:window.broken=3) <iframe src="http://127.0.0.1:9/"></iframe>',
        '<style>body{display:none}</style><form action="http://127.0.0.1:9/"><input name=a></form>',
        '<a href="https://example.org" onclick="window.broken=4">fine</a>',
      ].join('\n\n'),
    })
    await page.waitForSelector('.answer a')
    expect(await page.evaluate('window.broken')).toBeUndefined()
    expect(await page.locator('.answer :is(script, img, iframe, style, form)').count()).toBe(0)
    const links = await page
      .locator('.answer a')
      .evaluateAll((all) => all.map((link) => link.getAttribute('href')))
    expect(links.filter((href) => href !== null && !/^https?:/.test(href))).toEqual([])
    expect(requests.filter((url) => !url.startsWith(gateway.url))).toEqual([])
  })

  test('code is copied by its button', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    await visitor.context.grantPermissions(['clipboard-read', 'clipboard-write'])
    gateway.chat.add(shown(page.url()), { text: '```sh\necho "a < b"\n```' })
    await page.click('button.copy')
    await page.waitForSelector('text=Copied')
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('echo "a < b"')
  })

  test('the network goes away in the middle of an answer: nothing is lost, nothing is doubled', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page, context } = visitor
    await page.fill('textarea', 'first')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mine[data-state]')
    const id = shown(page.url())
    gateway.chat.events.begin(id, 'turn')
    gateway.chat.events.delta(id, 'half an ')
    await page.waitForSelector('.draft')

    // The gateway goes, and comes back on the same port with more to tell.
    const { port } = new URL(gateway.url)
    await gateway.server.close()
    await expect.poll(() => page.innerText('.status')).toContain('No connection')
    await page.fill('textarea', 'sent while nobody listens')
    await page.keyboard.press('Enter')
    await page.waitForSelector("text=Will send when you're back online")
    gateway.chat.events.end(id)
    gateway.chat.add(id, { text: 'half an answer, and the rest' })
    await using again = await startTestGateway({
      port: Number(port),
      services_: { chat: gateway.channel, conversations: gateway.chat, events: gateway.chat.events },
    })
    expect(again.url).toBe(gateway.url)
    await page.waitForSelector('.answer:not(.draft)', { timeout: 15_000 })
    await expect.poll(() => page.locator('.mine[data-state]').count(), { timeout: 15_000 }).toBe(2)
    await expect.poll(() => page.locator('.pending').count()).toBe(0)
    expect(await page.locator('.answer').count()).toBe(1)
    expect(gateway.chat.rows(id).map((row) => row.text)).toEqual([
      'first',
      'half an answer, and the rest',
      'sent while nobody listens',
    ])
    await context.close()
  })

  test('after a reload the conversation is the same, and so is what was said', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.fill('textarea', 'remember me')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mine[data-state]')
    const address = page.url()
    await page.reload()
    await page.waitForSelector('text=remember me')
    expect(page.url()).toBe(address)
    await page.click('button.new')
    await page.waitForSelector('.welcome')
    expect(page.url()).not.toBe(address)
    await page.goBack()
    await page.waitForSelector('.mine >> text=remember me')
  })

  test('older messages come when they are asked for', async () => {
    await using gateway = await startTestGateway()
    for (let n = 1; n <= 150; n++) gateway.chat.add('web:long', { text: `number ${n}.` })
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.waitForSelector('text=number 150.')
    expect(await page.locator('.answer').count()).toBe(60)
    await page.click('.earlier')
    await expect.poll(() => page.locator('.answer').count()).toBe(120)
    await page.click('.earlier')
    await page.waitForSelector('text=number 1.')
    await expect.poll(() => page.locator('.earlier').count()).toBe(0)
    expect(await page.locator('.answer').count()).toBe(150)
  })

  test('pictures are attached by the button, previewed, sent and shown', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    await page.setInputFiles('input[type=file]', [
      { name: 'dot.png', mimeType: 'image/png', buffer: PNG },
      { name: 'fake.png', mimeType: 'image/png', buffer: Buffer.from('no picture at all, really') },
    ])
    await page.waitForSelector('.chip:not(.busy):not(.bad)')
    await page.waitForSelector('.chip.bad')
    await page.click('[aria-label="Remove fake.png"]')
    await page.fill('textarea', 'what is this?')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mine[data-state] img')
    const width = await page
      .locator('.mine img')
      .evaluate((image) => (image as { naturalWidth?: number }).naturalWidth)
    expect(width).toBe(1)
    expect(gateway.chat.rows(shown(page.url()))[0]!.attachments).toMatchObject([{ name: 'dot.png' }])
    expect(visitor.complaints.filter((text) => !text.includes('400'))).toEqual([])
  })

  test('Escape stops the running answer', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { page } = visitor
    const id = shown(page.url())
    gateway.chat.add(id, { role: 'user', text: 'continue', state: 'answering' })
    gateway.chat.events.begin(id, 'turn')
    gateway.chat.events.delta(id, 'on and on')
    await page.waitForSelector('.draft')
    await page.keyboard.press('Escape')
    await expect.poll(() => gateway.chat.rows(id).at(-1)!.text).toBe('/stop')
  })

  // Twenty pages of a browser on a small machine take their time to start.
  test('twenty tabs share one stream, and every one of them lives', { timeout: 120_000 }, async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway)
    const { context } = visitor
    const pages = [visitor.page]
    for (let n = 1; n < 20; n++) {
      const page = await context.newPage()
      await page.goto(`${gateway.url}/c/tab${n % 4}`)
      pages.push(page)
    }
    await Promise.all(pages.map((page) => page.waitForSelector('textarea')))
    await expect.poll(() => gateway.server.readers).toBe(1)
    for (let n = 0; n < 4; n++) gateway.chat.add(`web:tab${n}`, { text: `to tab ${n}` })
    await Promise.all(
      pages.slice(1).map((page, index) => page.waitForSelector(`.answer >> text=to tab ${(index + 1) % 4}`)),
    )
    await pages[7]!.fill('textarea', 'from the eighth')
    await pages[7]!.keyboard.press('Enter')
    await pages[7]!.waitForSelector('.mine[data-state]')
    // The same conversation in another tab.
    await pages[11]!.waitForSelector('.mine >> text=from the eighth')
  })

  test('over plain HTTP from another machine, where browsers say less about a request, it works the same', async () => {
    const finder = createServer()
    await new Promise<void>((resolve) => finder.listen(0, '127.0.0.1', resolve))
    const { port } = finder.address() as AddressInfo
    await new Promise((resolve) => finder.close(resolve))
    const outside = `http://${OTHER_MACHINE}:${port}`
    await using gateway = await startTestGateway({ port, publicUrls: [outside] })
    const address = gateway.server.pageAddress().replace(gateway.url, outside)
    await using visitor = await visit(browser, address)
    const { page } = visitor
    await page.waitForSelector('textarea')
    expect(await page.evaluate('isSecureContext')).toBe(false)
    await page.setInputFiles('input[type=file]', [{ name: 'dot.png', mimeType: 'image/png', buffer: PNG }])
    await page.waitForSelector('.chip:not(.busy):not(.bad)')
    await page.fill('textarea', 'from afar')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mine[data-state] img')
    const width = await page
      .locator('.mine img')
      .evaluate((image) => (image as { naturalWidth?: number }).naturalWidth)
    expect(width).toBe(1)
    gateway.chat.add(shown(page.url()), { text: 'and `back`\n\n```\ncode\n```' })
    await page.click('button.copy')
    await page.waitForSelector('text=Copied')
    await expect.poll(() => page.innerText('.status')).toContain('ready')
  })

  test('a browser that cannot share a stream between tabs has one of its own', async () => {
    await using gateway = await startTestGateway()
    await using visitor = await open(gateway, { before: 'delete window.SharedWorker' })
    const { page } = visitor
    await expect.poll(() => gateway.server.readers).toBe(1)
    gateway.chat.add(shown(page.url()), { text: 'here too' })
    await page.waitForSelector('.answer >> text=here too')
    await visitor.page.goto('about:blank')
    await expect.poll(() => gateway.server.readers).toBe(0)
  })

  test.each([
    ['a phone, light', 360, false],
    ['a phone, dark', 360, true],
    ['a wide screen, light', 1600, false],
    ['a wide screen, dark', 1600, true],
  ])('fits %s', async (_what, width, dark) => {
    const login: LoginService = {
      start: async () => ({
        authorizeUrl: `https://example.org/${'x'.repeat(300)}`,
        session: 's',
        expiresAt: 0,
      }),
      finish: () => Promise.reject(new Refused('This code was used already. Start the sign-in again.')),
      confirm: () => Promise.reject(new Refused('There is nothing to confirm.')),
      apiKey: () => Promise.reject(new Refused('The key is empty.')),
    }
    const waiting = async () => ({ received: 0, answering: 0, held: 1_234, parked: 0 })
    await using gateway = await startTestGateway({ sandbox: true, services_: { login, waiting } })
    const wide = 'x'.repeat(300)
    gateway.chat.add('web:a', { role: 'user', text: wide })
    gateway.chat.add('web:a', {
      text: `${wide}\n\n\`\`\`\n${wide}\n\`\`\`\n\n|a|b|\n|-|-|\n|${wide}|${wide}|`,
    })
    await using visitor = await open(gateway, { width, height: 740, dark })
    const { page } = visitor
    await page.waitForSelector('.answer')
    // Nothing is wider than the screen; what is, scrolls separately.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    // In the worst state the first line stays small, and the dialog within the screen.
    gateway.setReadiness({ ready: false, status: 'needs-login', reason: 'revoked' })
    await page.click('.fix')
    await page.click('dialog >> text=I understand, continue')
    await page.waitForSelector('dialog a')
    await page.fill('dialog input', 'code#state')
    await page.keyboard.press('Enter')
    await page.waitForSelector('dialog .problem')
    const overflow = await page
      .locator('dialog')
      .evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth)
    expect(overflow).toBe(0)
    expect((await page.locator('.top').boundingBox())!.height).toBeLessThan(130)
    // Escape closes the dialog, and does not stop the answer behind it, wherever the focus is.
    const id = shown(page.url())
    gateway.chat.events.begin(id, 'turn')
    gateway.chat.events.delta(id, 'still being written')
    await page.waitForSelector('.draft', { state: 'attached' })
    await page.evaluate('document.activeElement.blur()')
    await page.keyboard.press('Escape')
    await page.waitForSelector('dialog', { state: 'detached' })
    gateway.chat.events.end(id)
    gateway.chat.events.changed(id)
    await page.waitForSelector('.draft', { state: 'detached' })
    expect(gateway.chat.rows(id).some((row) => row.text === '/stop')).toBe(false)
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    const [red] = /\d+/.exec(String(background))!
    expect(Number(red) < 128).toBe(dark)
    if (width < 860) {
      await page.click('.menu')
      await page.waitForSelector('nav.out a[aria-current=page]')
      await page.waitForSelector('nav.out [aria-label=Close]:focus')
      await page.keyboard.press('Escape')
      await page.waitForSelector('nav:not(.out)', { state: 'attached' })
      await page.waitForSelector('.menu:focus')
    }
    expect(visitor.complaints.filter((text) => !text.includes('400'))).toEqual([])
  })
})
