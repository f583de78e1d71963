import type { Settings } from '../../config/settings.ts'

/** The database for people: a path, or an address without user name and password. */
export function storageAddress({ config, paths }: Settings): string {
  const { storage } = config
  if (storage.kind === 'sqlite') return paths.database
  const { host, pathname } = new URL(storage.url.reveal())
  return `postgres://${host}${pathname}`
}
