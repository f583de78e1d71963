import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchChromium, visit, whyWithout, withoutChromium } from '../support/web/chromium.ts'
import { startTestGateway } from '../support/web/http-gateway.ts'

describe.skipIf(withoutChromium)(`questions in line${whyWithout}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  test('a question sent while an answer is written stands behind it, with its place in the line', async () => {
    const dropped: string[] = []
    const queue = {
      list: async () => [],
      retry: async () => false,
      retryAll: async () => 0,
      drop: async (id: string) => dropped.push(id) > 0,
    }
    await using gateway = await startTestGateway({ services_: { queue } })
    await using visitor = await visit(browser, gateway.server.pageAddress())
    const { page } = visitor
    await page.waitForSelector('textarea')
    const id = `web:${new URL(page.url()).pathname.slice('/c/'.length)}`
    const say = async (text: string) => {
      await page.fill('textarea', text)
      await page.keyboard.press('Enter')
      await page.waitForSelector(`.mine[data-state] >> text=${text}`)
    }
    const read = async () => {
      const texts = await page.locator('.words, .prose').allInnerTexts()
      return texts.map((text) => text.trim())
    }
    await say('Question 1')
    const [first] = gateway.chat.rows(id)
    gateway.chat.change(id, first!.id, { state: 'answering' })
    gateway.chat.events.begin(id, 'turn')
    gateway.chat.events.delta(id, 'Answer 1')
    await page.waitForSelector('.draft')
    await say('Question 2')
    await say('Question 3')
    await say('Question 4')
    expect(await read()).toEqual(['Question 1', 'Answer 1', 'Question 2', 'Question 3', 'Question 4'])
    expect(await page.locator('.mine .state').allInnerTexts()).toEqual([
      'Next in line Cancel',
      '2nd in line Cancel',
      '3rd in line Cancel',
    ])
    await page.click('.mine:has-text("Question 3") >> text=Cancel')
    await expect.poll(() => dropped).toEqual([gateway.chat.rows(id)[2]!.id])
    gateway.chat.events.end(id)
    const answer = gateway.chat.add(id, { text: 'Answer 1' })
    gateway.chat.change(id, first!.id, { state: 'answered', answeredBy: answer.id })
    await expect.poll(() => page.locator('.draft').count()).toBe(0)
    await expect.poll(read).toEqual(['Question 1', 'Answer 1', 'Question 2', 'Question 3', 'Question 4'])
  })
})
