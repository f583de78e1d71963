/** The part of the browser's Trusted Types that is used here; older browsers have none. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(address: string): string }): unknown
}

/**
 * Allows the page to start scripts (its worker) only from its own origin. HTML has no
 * policy here: the sanitiser has its own, and everything else is refused.
 */
export function restrictScripts(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  trustedTypes?.createPolicy('default', {
    createScriptURL(address) {
      if (new URL(address, location.href).origin !== location.origin) throw new TypeError('a foreign script')
      return address
    },
  })
}
