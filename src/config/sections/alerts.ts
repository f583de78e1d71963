import { argv, list } from '../shape/compound.ts'
import { address, numericId, openAddress, pattern, secret, text } from '../shape/scalars.ts'
import { byType, key, optional, required } from '../shape/section.ts'

/** A name with an address is one as well, and so are several: the mail server reads them. */
const mailAddress = pattern(/[^\s@]@[^\s@]/, 'a mail address, such as you@example.org')

const route = byType({
  telegram: {
    sentence: 'A Telegram chat.',
    keys: { chat: required(numericId, "The chat's numeric id.") },
  },
  email: {
    sentence: 'E-mail.',
    keys: {
      to: required(mailAddress, 'The recipient.'),
      from: optional(mailAddress, 'The sender; EMAIL_ADDRESS if left out.'),
      smtp: optional(
        secret(openAddress(/^smtps?:\/\/\S+$/, 'an address such as smtps://user:password@host:465')),
        'smtps://user:password@host:465; the EMAIL_* variables if left out.',
      ),
    },
  },
  webhook: {
    sentence: 'A webhook, signed after Standard Webhooks.',
    keys: {
      // The webhook URLs of chat services are secrets.
      url: required(
        secret(openAddress(/^https?:/, 'an address that begins with https://')),
        'The address to post to.',
      ),
      secret: optional(secret(text), 'The secret to sign with: whsec_… or any text.'),
    },
  },
  ntfy: {
    sentence: 'A topic of an ntfy server.',
    keys: {
      url: required(secret(address), 'The address of the topic.'),
      token: optional(secret(text), 'The access token, if the topic needs one.'),
    },
  },
  command: {
    sentence: 'A program that is run with the alert on its standard input.',
    keys: { run: required(argv, 'The program and its arguments.') },
  },
})

export const alerts = key(
  list(route),
  [],
  "Where alerts go, in the order in which routes are tried. Empty: every *_HOME_CHANNEL, then the operators' private chats.",
  [
    { type: 'telegram', chat: '12345' },
    { type: 'email', to: 'you@example.org', smtp: 'smtps://user:password@mail.example.org:465' },
    { type: 'webhook', url: 'https://hooks.example.org/hermes', secret: '${ALERT_SECRET}' },
    { type: 'ntfy', url: 'https://ntfy.sh/your-topic', token: '${NTFY_TOKEN}' },
    { type: 'command', run: ['/usr/local/bin/page-me'] },
  ],
)
