import { expect, it } from 'vitest'
import { isLoopbackHost } from './loopback.ts'

it.each([
  'localhost',
  'LOCALHOST',
  '127.0.0.1',
  '127.8.9.10',
  '::1',
  '[::1]',
  '0:0:0:0:0:0:0:1',
  '::ffff:127.0.0.1',
  // As `URL` writes it.
  '[::ffff:7f00:1]',
])('%s is this machine', (host) => expect(isLoopbackHost(host)).toBe(true))

it.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '::ffff:10.0.0.1',
  'example.org',
  'localhost.example.org',
  'localhost.',
  '127.0.0.1.nip.io',
  '127.999.0.1',
  '127.1',
  '127.',
  '127.0.0.1:8642',
  '[127.0.0.1',
  '',
])('%s is not this machine for certain', (host) => expect(isLoopbackHost(host)).toBe(false))
