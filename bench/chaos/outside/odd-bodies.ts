import type { ServerResponse } from 'node:http'
import { pause } from '../../../test/support/until.ts'
import type { OddValues } from './odd-values.ts'

/** What an endless answer is ended after by its server; nobody should have read that far. */
const ENDLESS_MS = 20_000
const ENDLESS_BYTES = 96 * 1024 * 1024
const CHUNK = 64 * 1024
/** The pace of an answer that drips. */
const DRIP_MS = 100
const STALL_MS = 15_000

/** An answer that no reader of this protocol takes for one, whatever its status says. */
type OddBody = (response: ServerResponse, odd: OddValues) => void | Promise<void>

const JSON_TYPE = 'application/json'
const TYPES = [JSON_TYPE, 'text/html', 'text/event-stream', 'application/octet-stream', 'x', '', 'image/png']

const html: OddBody = (response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html><h1>Welcome to the hotel</h1></html>')
}
const serverError: OddBody = (response, odd) => {
  response.writeHead(odd.pick([500, 502, 503]), { 'content-type': odd.pick(TYPES) }).end(odd.text())
}
const noJson: OddBody = (response, odd) => {
  const body = odd.pick(['', 'null', '7', '"x"', 'true', '{"ok":', '[1,', '\u0000', '\ufeff', 'ok', '{}{}'])
  response.writeHead(200, { 'content-type': odd.pick(TYPES) }).end(body)
}
const large: OddBody = (response, odd) => {
  response.writeHead(200, { 'content-type': JSON_TYPE }).end(`{"ok":"${odd.large()}`)
}
const endless: OddBody = async (response, odd) => {
  const piece = odd.pick(['x', ' ', '\n', 'data: {}\n\n', 'event: ping\ndata: {"type":"ping"}\n\n', ': \n'])
  const chunk = piece.repeat(CHUNK / piece.length)
  response.writeHead(200, { 'content-type': odd.pick([JSON_TYPE, 'text/event-stream']) })
  const end = performance.now() + ENDLESS_MS
  for (let sent = 0; sent < ENDLESS_BYTES && performance.now() < end; sent += chunk.length) {
    if (response.destroyed) return
    if (!response.write(chunk)) await pause(1)
  }
  response.destroy()
}
const drip: OddBody = async (response) => {
  response.writeHead(200, { 'content-type': JSON_TYPE })
  const end = performance.now() + STALL_MS
  while (performance.now() < end && !response.destroyed) {
    response.write(' ')
    await pause(DRIP_MS)
  }
  response.destroy()
}
const cutShort: OddBody = (response, odd) => {
  response.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': 100_000 })
  response.write('{"ok":true,"result":[')
  setTimeout(() => response.destroy(), odd.below(50))
}
const falselyPacked: OddBody = (response) => {
  response.writeHead(200, { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' }).end('{"ok":true}')
}
const reset: OddBody = (response) => {
  response.socket?.resetAndDestroy()
}
const anyJson: OddBody = (response, odd) => {
  response.writeHead(200, { 'content-type': odd.pick(TYPES) }).end(JSON.stringify(odd.value()) ?? '')
}

const NO_ANSWERS = { html, serverError, noJson, cutShort, falselyPacked, reset }
const SLOW = { large, endless, drip }

/** Quick answers of which no reader may believe anything. */
export const NO_ANSWER: ReadonlyArray<readonly [string, OddBody]> = Object.entries(NO_ANSWERS)
/** The same, and what is large or does not end. */
export const NO_ANSWER_OR_LARGE: ReadonlyArray<readonly [string, OddBody]> = [
  ...NO_ANSWER,
  ...Object.entries(SLOW),
]
/** Anything at all, where nothing but the caller's own comfort depends on the answer. */
export const ANYTHING: ReadonlyArray<readonly [string, OddBody]> = [
  ...NO_ANSWER_OR_LARGE,
  ['anyJson', anyJson],
  ['anyJson', anyJson],
]
