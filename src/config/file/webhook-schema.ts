import { z } from 'zod'
import { section, shaped, text } from './schema-words.ts'

/** The `webhooks` of `config.yaml`. */
export const webhooks = z
  .array(
    section('A webhook that starts a turn; senders sign after Standard Webhooks.', {
      name: shaped(
        /^[a-z0-9][a-z0-9_-]{0,63}$/,
        'a name of lower-case letters, digits, - and _',
        'It is posted to /hooks/NAME.',
      ),
      secret: shaped(
        /^\S{16,}$/,
        'a secret of at least 16 characters without spaces; ${NAME} takes it from .env',
        'The secret that both sides know: whsec_… or any text.',
      ),
      deliver_to: shaped(
        /^[a-z]+:\S+$/,
        'a channel and a chat, such as telegram:12345',
        'The chat that gets the answer, such as telegram:12345.',
      ),
      prompt: text(
        'What the model is told; {{body}} is what was posted, {{body.some.key}} a part of it.',
      ).optional(),
    }),
  )
  .meta({ description: 'Webhooks that other programs post to (POST /hooks/NAME).' })
