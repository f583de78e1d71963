import { normalBaseUrl, withoutTrailingSlash } from '../../config/addresses.ts'
import type { Answers } from './answers.ts'
import type { Found } from './look-around.ts'

type Addresses = Pick<Answers, 'baseUrl' | 'sandboxUrl' | 'telegramApiRoot'>

/** An address as it was given; null = it was not. */
export function trimmed(address: string | undefined): string | null {
  return address === undefined ? null : withoutTrailingSlash(address.trim())
}

/** Where a key is proven: what was just given, before what is configured. */
export function providerOf(
  { settings }: Found,
  addresses: Addresses,
): { baseUrl: string; userAgent: string } {
  const { model, auth } = settings.config
  const given = addresses.baseUrl ?? addresses.sandboxUrl
  return { baseUrl: given === null ? model.baseUrl : normalBaseUrl(given), userAgent: auth.oauth.userAgent }
}

export function telegramRootOf({ settings }: Found, addresses: Addresses): string {
  return addresses.telegramApiRoot ?? settings.channels.telegram.apiRoot
}
