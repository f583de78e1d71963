import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { freePort, Measured } from '../support/processes.ts'

/** How long it may take until it answers, and how often it is asked, in milliseconds. */
const START_LIMIT_MS = 30_000
const ASK_EVERY_MS = 20

/**
 * Portkey's gateway on a free port: it translates requests and stores nothing, so what it costs is what any
 * proxy between a program and the model costs. null = it is not installed.
 *
 * @see https://github.com/Portkey-AI/gateway
 */
export async function startStatelessProxy(): Promise<{ process: Measured & { url: string } } | null> {
  const script = findScript()
  if (script === null) return null
  const port = await freePort()
  const child = spawn(process.execPath, [script, `--port=${port}`, '--headless'], {
    // It forwards to hosts on this machine only where they are listed.
    env: { PATH: process.env.PATH, NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1' },
    stdio: 'ignore',
  })
  const url = `http://127.0.0.1:${port}`
  const measured = new Measured(child)
  for (const end = performance.now() + START_LIMIT_MS; performance.now() < end;) {
    if (await answers(url)) return { process: Object.assign(measured, { url }) }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
  }
  await measured[Symbol.asyncDispose]()
  throw new Error('the stateless proxy does not start')
}

function findScript(): string | null {
  try {
    return createRequire(import.meta.url).resolve('@portkey-ai/gateway/build/start-server.js')
  } catch {
    return null
  }
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  )
}
