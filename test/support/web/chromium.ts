import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const PATHS = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser']

/** Where Chromium is installed; null = nowhere that we look. */
export const chromiumPath: string | null = PATHS.find((path) => path && existsSync(path)) ?? null

/**
 * What is handed to `describe.skipIf`: without a browser such tests are skipped by
 * name; in CI, where one is installed, they run and fail instead.
 */
export const withoutChromium: boolean = chromiumPath === null && process.env['CI'] !== 'true'

/** Ends the name of such a suite, so that a skip shows its reason. */
export const whyWithout: string = withoutChromium
  ? " (no Chromium: set CHROMIUM_PATH, or install Debian's chromium)"
  : ''

/** The browser finds this name on this machine, and trusts it no more than any other on plain HTTP. */
export const OTHER_MACHINE = 'gateway.test'

export const CHROMIUM_ARGUMENTS: string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A name that is not loopback to the browser, as another machine's would be.
  `--host-resolver-rules=MAP ${OTHER_MACHINE} 127.0.0.1`,
]

/** @throws Error where no Chromium is installed */
export async function launchChromium(): Promise<Browser> {
  if (!chromiumPath) throw new Error('no Chromium: set CHROMIUM_PATH, or install Debian’s chromium')
  return await chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    args: CHROMIUM_ARGUMENTS,
  })
}

export interface Visit extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained about: errors, refused loads, broken content policy. */
  readonly complaints: readonly string[]
}

export interface VisitOptions {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  /** Runs in the page before anything of its own. */
  readonly before?: string
  /** Lets a checker of ours into the page, which its policy would refuse. */
  readonly bypassCSP?: boolean
}

/** A browser of its own (cookies, cache, workers) that opens `address`. */
export async function visit(browser: Browser, address: string, options: VisitOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    colorScheme: options.dark ? 'dark' : 'light',
    bypassCSP: options.bypassCSP ?? false,
  })
  if (options.before) await context.addInitScript(options.before)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  await page.goto(address)
  return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() }
}
