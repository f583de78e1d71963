import type { Settings } from '../../config/settings.ts'

/** Where messages are kept, for people: a path, or an address without who signs in there. */
export function placeOf({ config, paths }: Settings): string {
  const { storage } = config
  if (storage.kind === 'sqlite') return paths.database
  const { host, pathname } = new URL(storage.url.reveal())
  return `postgres://${host}${pathname}`
}
