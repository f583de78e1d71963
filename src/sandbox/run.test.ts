import { describe, expect, it } from 'vitest'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { runSandbox } from './run.ts'
import { startSandbox } from './sandbox.ts'

describe('the sandbox alone', () => {
  it('prints how to use it, moves to a free port, and ends when told', async () => {
    const texts: string[] = []
    const end = new AbortController()
    const printed = (text: string) => {
      texts.push(text)
      if (texts.length === 2) end.abort()
    }
    const runs = [0, 1].map(() => runSandbox({ print: printed, signal: end.signal }))
    await Promise.all(runs)
    const addresses = texts.map((text) => /http:\/\/127\.0\.0\.1:\d+/.exec(text)![0])
    expect(new Set(addresses).size).toBe(2)
    expect(texts[0]).toContain('curl -X POST')
    await expect(fetch(`${addresses[0]}/sandbox/state`)).rejects.toThrow('fetch failed')
  })

  it('gives way to nobody on a taken port', async () => {
    const { port } = await useSandbox()
    await expect(startSandbox({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
