import { expect, it } from 'vitest'
import { isLoopbackHost } from './loopback.ts'

it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.8.9.10', '::1', '[::1]', '::ffff:127.0.0.1'])(
  '%s is this machine',
  (host) => expect(isLoopbackHost(host)).toBe(true),
)

it.each(['0.0.0.0', '::', '10.0.0.1', 'example.org', 'localhost.example.org', '127.0.0.1.nip.io', ''])(
  '%s is not this machine for certain',
  (host) => expect(isLoopbackHost(host)).toBe(false),
)
