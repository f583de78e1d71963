import type { Contact, Link, Location, PlatformAbout, Quotation } from '../../../inbox/about.ts'

/** What a platform may say of a message besides its words. */
interface Parts {
  readonly quotes?: ReadonlyArray<Quotation | null>
  readonly links?: readonly Link[]
  readonly location?: Location | null
  readonly contact?: Contact | null
}

/** The field `about` of an event, without what the platform does not say; none where it says nothing. */
export function aboutField(parts: Parts): { readonly about?: PlatformAbout } {
  const { links = [], location = null, contact = null } = parts
  const quotes = (parts.quotes ?? []).filter((quotation) => quotation !== null)
  const about = {
    ...(quotes.length === 0 ? {} : { quotes }),
    ...(links.length === 0 ? {} : { links }),
    ...(location === null ? {} : { location }),
    ...(contact === null ? {} : { contact }),
  }
  return Object.keys(about).length === 0 ? {} : { about }
}

/** The field `links` of an edit; none where there are none. */
export function linksField(links: readonly Link[]): { readonly links?: readonly Link[] } {
  return links.length === 0 ? {} : { links }
}
