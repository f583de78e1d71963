import { describe, expect, test } from 'vitest'
import { boundAbout, readAbout, saysSomething, withLinks } from './about.ts'

describe('what is known of a message', () => {
  test('is no longer than it may be', () => {
    const long = 'x'.repeat(50_000)
    const about = boundAbout({
      zone: 'UTC',
      group: { name: long },
      quotes: Array.from({ length: 9 }, () => ({ kind: 'reply', from: long, text: long }) as const),
      links: Array.from({ length: 99 }, () => ({ words: long, address: long })),
      location: { latitude: 1, longitude: 2, name: long, address: long },
      contact: { name: long, phone: long },
      heard: Array.from({ length: 20 }, () => ({ person: '9', from: long, text: long })),
    })!
    expect(about.quotes).toHaveLength(4)
    expect(about.quotes![0]!.text).toHaveLength(2_000)
    expect(about.quotes![0]!.text.endsWith('x…')).toBe(true)
    expect(about.links).toHaveLength(20)
    expect(about.heard![0]!.text).toHaveLength(500)
    expect(JSON.stringify(about).length).toBeLessThan(80_000)
  })

  test('of a shape that no platform promises costs nothing but itself', () => {
    const odd = { kind: 'reply', from: 7, text: { a: 1 } } as never
    expect(boundAbout({ quotes: [odd], group: { name: [] as never } })).toEqual({
      group: { name: null },
      quotes: [{ kind: 'reply', from: null, text: '' }],
    })
  })

  test('of which nothing is known is nothing', () => {
    expect(boundAbout({})).toBeNull()
    expect(boundAbout({ quotes: [], links: [], heard: [] })).toBeNull()
  })

  test('holds nothing that a database refuses, and no half of a character', () => {
    const text = `a\0b\ud800${'😀'.repeat(2_000)}`
    const [quotation] = boundAbout({ quotes: [{ kind: 'reply', from: 'x\0', text }] })!.quotes!
    expect(quotation!.from).toBe('x')
    expect(quotation!.text.isWellFormed()).toBe(true)
    expect(quotation!.text).toMatch(/^ab\ufffd.*😀…$/u)
    expect(quotation!.text).not.toContain('\0')
  })

  test.each([
    'sk-ant-oat01-abcdefghijklmnop',
    `${'x '.repeat(990)}sk-ant-oat01-abcdefghijklmnopqrstuvwxyz`,
    'https://claude.com/oauth/callback?code=abcdef123456&state=ghijkl789012',
  ])('holds no secret, wherever it stands: %#', (text) => {
    const about = boundAbout({
      quotes: [{ kind: 'reply', from: null, text }],
      links: [{ words: 'here', address: text }],
      heard: [{ person: '9', from: null, text }],
    })
    const [left, secret] = [JSON.stringify(about), /sk-ant-oat01-a|code=abc/]
    expect(left).not.toMatch(secret)
    expect(left).toContain('left out')
  })

  test('of an edited message has the links of its new words alone', () => {
    const stored = JSON.stringify({ zone: 'UTC', links: [{ words: 'a', address: 'https://a.org' }] })
    const links = [{ words: 'b', address: 'https://b.org' }]
    expect(readAbout(withLinks(stored, links))).toEqual({ zone: 'UTC', links })
    expect(readAbout(withLinks(stored, []))).toEqual({ zone: 'UTC' })
    expect(withLinks(null, [])).toBeNull()
    expect(readAbout(withLinks(null, links))).toEqual({ links })
  })

  test('may say something without any words', () => {
    expect(saysSomething({})).toBe(false)
    expect(saysSomething({ links: [{ words: 'a', address: 'b' }] })).toBe(false)
    expect(saysSomething({ quotes: [{ kind: 'forward', from: null, text: 'x' }] })).toBe(true)
    expect(saysSomething({ contact: { name: 'Ben', phone: null } })).toBe(true)
  })
})
