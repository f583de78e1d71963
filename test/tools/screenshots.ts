import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { launchChromium, visit } from '../support/web/chromium.ts'
import { writeHistory } from './sandbox-history.ts'

/**
 * Takes a picture of each view, light and dark, on a phone and on a wide screen, from a sandbox with
 * some history: `node test/tools/screenshots.ts [FOLDER]`, after a build.
 */
const FOLDER = process.argv[2] ?? join(import.meta.dirname, '../../docs/images')
const SIZES = { phone: [390, 844], wide: [1440, 900] } as const
/** Plots and pictures settle within this. */
const SETTLE_MS = 1_500

/** What is asked before the sign-in is gone, and what the simulator answers. */
const TALK: ReadonlyArray<readonly [question: string, answer: string]> = [
  [
    'Which rivers meet in Passau?',
    'Three: the **Danube**, the **Inn** and the **Ilz**. That is why Passau is called *Dreiflüssestadt*, the city of three rivers.',
  ],
  [
    'Thanks. Can you say that as a table, with their colours?',
    '| River | Comes from | Colour |\n|---|---|---|\n| Danube | the west | blue |\n| Inn | the Alps, in the south | green |\n| Ilz | the Bavarian Forest, in the north | nearly black |\n\nFor a while they flow side by side without mixing.',
  ],
]

mkdirSync(FOLDER, { recursive: true })
const gateway = await GatewayProcess.prepare({ args: ['--sandbox'] })
await writeHistory(gateway.home, Date.now())
await gateway.start()
const browser = await launchChromium()
try {
  const address = /http:\S+#ticket=\S+/.exec(gateway.stdout)![0]
  const visitor = await visit(browser, address)
  const { page } = visitor
  await page.waitForSelector('.welcome')
  const provider = await simulatedProvider()
  for (const [question, answer] of TALK) {
    await fetch(`${provider}/sandbox/answer`, {
      method: 'POST',
      body: JSON.stringify({ style: { text: answer } }),
    })
    await ask(page, question)
  }
  const conversation = page.url()
  await views(page, { status: '/status', month: '/status', 'sign-in': '/sign-in' }, '-good')
  await page.goto(conversation)
  await breakThings(page)
  await views(page, {
    chat: conversation,
    status: '/status',
    queue: '/queue',
    incidents: '/incidents',
    'sign-in': '/sign-in',
    sandbox: '/sandbox',
  })
  await visitor[Symbol.asyncDispose]()
} finally {
  await browser.close()
  await gateway[Symbol.asyncDispose]()
}

/** Where the simulated provider listens. */
async function simulatedProvider(): Promise<string> {
  const running = readFileSync(join(gateway.home, 'sandbox', 'gateway.run.json'), 'utf8')
  return (JSON.parse(running) as { sandbox: string }).sandbox
}

async function ask(page: Page, text: string): Promise<void> {
  const answers = page.locator('.answer:not(.draft)')
  const before = await answers.count()
  await page.fill('textarea', text)
  await page.keyboard.press('Enter')
  await answers.nth(before).waitFor({ timeout: 60_000 })
}

/** The sign-in is revoked, and some people write all the same. */
async function breakThings(page: Page): Promise<void> {
  const origin = new URL(page.url()).origin
  const post = (path: string, body: object) =>
    page.evaluate(
      async ([to, data]) => {
        await fetch(to!, { method: 'POST', headers: { 'content-type': 'application/json' }, body: data! })
      },
      [`${origin}${path}`, JSON.stringify(body)] as const,
    )
  await post('/api/sandbox/revoke', {})
  await page.waitForSelector('textarea')
  await page.fill('textarea', 'And what is the weather like there tomorrow?')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.mine[data-state=held]', { timeout: 60_000 })
  await page.waitForSelector('.notice')
  for (const [index, text] of ['Good morning!', 'Is anybody there?', 'Please remind me at six.'].entries())
    await post(`/api/conversations/visitor-${index}/messages`, { text })
  await post('/api/sandbox/fault', { target: 'token-endpoint', fault: '500', forMs: 60_000 })
}

async function views(page: Page, shown: Readonly<Record<string, string>>, suffix = ''): Promise<void> {
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    await page.setViewportSize({ width, height })
    for (const colours of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: colours })
      for (const [name, path] of Object.entries(shown)) {
        await page.goto(new URL(path, page.url()).href)
        if (name === 'status') await page.click('text=24 hours')
        if (name === 'month') await page.click('text=30 days')
        if (name === 'queue') await page.click('text=Show message >> nth=0')
        await page.waitForTimeout(SETTLE_MS)
        // The whole of a view, however long; the chat is as high as the screen.
        if (name !== 'chat') await grow(page, width, height)
        await page.screenshot({ path: join(FOLDER, `${name}${suffix}-${size}-${colours}.png`) })
        await page.setViewportSize({ width, height })
      }
    }
  }
}

/** Makes the window as high as what there is to see. */
async function grow(page: Page, width: number, height: number): Promise<void> {
  const needed = await page
    .locator('.board')
    .evaluate(
      (board: { scrollHeight: number; clientHeight: number }) => board.scrollHeight - board.clientHeight,
    )
  if (needed <= 0) return
  await page.setViewportSize({ width, height: Math.min(height + needed, 3_200) })
  await page.waitForTimeout(400)
}
