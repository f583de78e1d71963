import { normalBaseUrl, withoutTrailingSlash } from '../../config/addresses.ts'
import type { Answers } from './answers.ts'
import type { CurrentSetup } from './current-setup.ts'

type Addresses = Pick<Answers, 'baseUrl' | 'sandboxUrl' | 'telegramApiRoot'>

/** Normalizes an address from the command line; null = not given. */
export function normalAddress(address: string | undefined): string | null {
  return address === undefined ? null : withoutTrailingSlash(address.trim())
}

/** The provider that checks a key: the one just given, or else the configured one. */
export function providerOf(
  { settings }: CurrentSetup,
  addresses: Addresses,
): { baseUrl: string; userAgent: string } {
  const { model, auth } = settings.config
  const given = addresses.baseUrl ?? addresses.sandboxUrl
  return { baseUrl: given === null ? model.baseUrl : normalBaseUrl(given), userAgent: auth.oauth.userAgent }
}

export function telegramApiRoot({ settings }: CurrentSetup, addresses: Addresses): string {
  return addresses.telegramApiRoot ?? settings.channels.telegram.apiRoot
}
