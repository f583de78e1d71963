import { Secret } from '../../support/secret.ts'
import { orNull } from '../shape/compound.ts'
import { pattern, text } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'
import { transform, type Key } from '../shape/shape.ts'

export type StorageConfig =
  | { readonly kind: 'sqlite' }
  /** `url` may hold a password; `secretKeyFile`: null = `HERMES_SECRET_KEY` holds the key. */
  | { readonly kind: 'postgres'; readonly url: Secret; readonly secretKeyFile: string | null }

const keys = group('Where messages are kept.', {
  url: key(
    pattern(/^sqlite$|^postgres(ql)?:\/\/\S+$/, 'sqlite, or postgres://user@host/database'),
    'sqlite',
    'sqlite (a file in the home), or postgres://user@host/database.',
  ),
  secret_key_file: key(
    orNull(text),
    null,
    'A file (0600) with the key that encrypts the sign-in in PostgreSQL; HERMES_SECRET_KEY if left out.',
  ),
})

export const storage: Key<StorageConfig> = {
  ...keys,
  shape: transform(keys.shape, ({ url, secretKeyFile }): StorageConfig =>
    url === 'sqlite' ? { kind: 'sqlite' } : { kind: 'postgres', url: new Secret(url), secretKeyFile },
  ),
}
