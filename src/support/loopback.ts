import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/**
 * Whether a host name means this machine. Accepts the forms of `URL.hostname` (`[::1]` with brackets) and
 * of a socket's address. Never queries a name server: `localhost` is the only name that counts (RFC 6761
 * §6.3).
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (name === 'localhost') return true
  const family = isIP(name)
  // A BlockList treats `::ffff:127.0.0.1` as the IPv4 address that it contains.
  return family !== 0 && loopback.check(name, family === 6 ? 'ipv6' : 'ipv4')
}
