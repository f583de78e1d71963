import { distinct, list } from '../shape/compound.ts'
import { pattern, secret, text } from '../shape/scalars.ts'
import { key, optional, required, section } from '../shape/section.ts'
import { transform } from '../shape/shape.ts'

const target = transform(pattern(/^[a-z]+:\S+$/, 'a channel and a chat, such as telegram:12345'), (place) => {
  const colon = place.indexOf(':')
  return { channel: place.slice(0, colon), address: place.slice(colon + 1) }
})

const webhook = section({
  name: required(
    pattern(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'a name of lower-case letters, digits, - and _'),
    'The last part of the address: /hooks/NAME. Unique.',
  ),
  secret: required(
    secret(
      pattern(/^\S{16,}$/, 'a secret of at least 16 characters without spaces; ${NAME} takes it from .env'),
    ),
    'The shared secret: whsec_… or any text. Requests are signed as in Standard Webhooks.',
  ),
  deliver_to: required(target, 'The chat that gets the answer, such as telegram:12345.'),
  prompt: optional(text, 'The prompt; {{body}} is the posted body, {{body.some.key}} a part of it.'),
})

export const webhooks = key(
  distinct(list(webhook), 'name'),
  [],
  'Webhooks by which other programs start a turn (POST /hooks/NAME).',
  [
    {
      name: 'deploys',
      secret: '${DEPLOY_SECRET}',
      deliver_to: 'telegram:12345',
      prompt: 'Tell me in one sentence how this deployment went: {{body}}',
    },
  ],
)
