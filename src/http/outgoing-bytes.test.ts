import { get, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { post, startTestGateway, TEST_TOKEN, type TestGateway } from '../../test/support/web/http-gateway.ts'
import { MAX_UPLOAD_BYTES } from './body.ts'

/** Of this size three fit into what one client may leave unread, and a fourth does not. */
const SIZE = MAX_UPLOAD_BYTES
const FIT = 3

let gateway: TestGateway
let chatToken: string
const open: IncomingMessage[] = []

beforeEach(async () => {
  gateway = await startTestGateway()
  const issued = await gateway.call('/api/tokens', post({ scope: 'chat' }))
  const { id, token } = (await issued.json()) as { id: string; token: string }
  chatToken = token
  const attachment = { mediaType: 'application/pdf', name: 'a.pdf', bytes: new Uint8Array(SIZE) }
  gateway.chat.attachments.set('large', attachment)
  const info = { id: 'large', mediaType: attachment.mediaType, name: attachment.name, size: SIZE }
  for (const conversation of ['web:main', `web:token:${id}/main`])
    gateway.chat.add(conversation, { role: 'user', attachments: [info] })
})
afterEach(async () => {
  for (const response of open.splice(0)) response.destroy()
  await gateway[Symbol.asyncDispose]()
})

/** Resolves with the head of the answer, whose body nobody reads. */
function ask(token: string): Promise<IncomingMessage> {
  const url = `${gateway.url}/api/conversations/main/attachments/large`
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (response) => {
      open.push(response)
      resolve(response)
    }).on('error', reject)
  })
}

const statuses = async (token: string, count: number) =>
  (await Promise.all(Array.from({ length: count }, () => ask(token))))
    .map(({ statusCode }) => statusCode)
    .toSorted()

test('attachments that a client asks for and does not read fill no more than its part of the memory', async () => {
  expect(await statuses(chatToken, FIT + 20)).toEqual([
    ...Array<number>(FIT).fill(200),
    ...Array<number>(20).fill(503),
  ])
  // Nobody else is kept from theirs.
  expect(await statuses(TEST_TOKEN, 1)).toEqual([200])
  for (const response of open.splice(0)) response.destroy()
  await expect.poll(() => statuses(chatToken, 1)).toEqual([200])
})

test('what was read whole is not counted any more', async () => {
  for (let n = 0; n < 2 * FIT; n++) {
    const response = await ask(chatToken)
    expect(response.statusCode).toBe(200)
    let size = 0
    for await (const chunk of response) size += (chunk as Buffer).length
    expect(size).toBe(SIZE)
  }
})
