import { mailServerKeys } from '../mail-server.ts'
import { list, orNull } from '../shape/compound.ts'
import { count, flag, numericId, pattern, rootAddress, text } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'

const enabledWith = (secrets: string) =>
  key(flag, true, `false keeps the channel closed although its ${secrets} there.`)

/** Lines before a mention: more than people mean by it, at some hundred bytes each. */
const MAX_GROUP_CONTEXT = 100

const groupContext = () =>
  key(
    count(0, MAX_GROUP_CONTEXT),
    20,
    'Lines of a group since the last answer that a mention brings along, of people with access alone; 0 = none.',
  )

const apiRoot = (sentence: string) => key(orNull(rootAddress), null, sentence)

const reactions = (marks: string) =>
  key(flag, true, `React to messages that wait: ${marks}. False: no reactions.`)

/** Discord's ids exceed what a number of YAML can hold exactly, so an unquoted one would be another. */
const snowflake = pattern(/^\d{5,20}$/, 'an id in quotes, such as "112233445566778899"')

const slackMember = pattern(/^([UW][A-Z0-9]+|\*)$/, 'a member ID, such as U012AB3CD')
const slackChannel = pattern(/^[CG][A-Z0-9]+$/, 'a channel ID, such as C012AB3CD')
const slackPlace = pattern(/^[CDGUW][A-Z0-9]+$/, 'the ID of a channel or member, such as C012AB3CD')

const matrixUser = pattern(/^@[^\s:]+:\S+$|^\*$/, 'a user id, such as @ada:example.org')
const matrixRoom = pattern(/^!\S+$/, 'the id of a room, such as !abc:example.org (its settings show it)')

const mailAddress = pattern(/^([^\s@<>,;:"]+@[^\s@<>,;:"]+|\*)$/, 'a mail address, such as ada@example.org')

const serverName = pattern(
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  "the name at the beginning of your server's Authentication-Results, such as mx.example.org",
)

export const channels = group('The ways in which people talk to the gateway.', {
  web: group('The chat page that the gateway serves.', { enabled: key(flag, true, 'Serve it.') }),
  // Safe by default: every request needs a token.
  openai: group('The OpenAI-compatible address /v1/chat/completions, behind a bearer token.', {
    enabled: key(flag, true, 'Serve it.'),
  }),
  telegram: group('Telegram; needs TELEGRAM_BOT_TOKEN. Variables of the environment win over these keys.', {
    enabled: enabledWith('token is'),
    api_root: key(
      rootAddress,
      'https://api.telegram.org',
      'The Bot API server; plain http only to this machine.',
    ),
    allowed_users: key(list(numericId), [], 'Who has access, by numeric id (TELEGRAM_ALLOWED_USERS).'),
    group_allowed_chats: key(
      list(numericId),
      [],
      'Groups in which everybody has access (TELEGRAM_GROUP_ALLOWED_CHATS).',
    ),
    home_channel: key(orNull(numericId), null, 'The chat for alerts (TELEGRAM_HOME_CHANNEL).'),
    // Groups also discuss other things.
    require_mention: key(
      flag,
      true,
      'In groups, answer only when mentioned or replied to (TELEGRAM_REQUIRE_MENTION).',
    ),
    reactions: reactions('👀 being answered, after a second; 😴 held (Telegram lets bots use no hourglass)'),
    group_context: groupContext(),
  }),
  discord: group(
    'Discord; needs DISCORD_BOT_TOKEN. Write ids in quotes: YAML cannot hold such numbers. Variables of the environment win over these keys.',
    {
      enabled: enabledWith('token is'),
      api_root: apiRoot("Another server instead of Discord's own; plain http only to this machine."),
      allowed_users: key(list(snowflake), [], 'Who has access, by id (DISCORD_ALLOWED_USERS).'),
      allowed_roles: key(list(snowflake), [], 'Roles whose members have access in servers.'),
      allowed_channels: key(
        list(snowflake),
        [],
        'Channels of servers in which everybody has access, threads included.',
      ),
      home_channel: key(orNull(snowflake), null, 'The channel for alerts (DISCORD_HOME_CHANNEL).'),
      require_mention: key(flag, true, 'In servers, answer only when mentioned or replied to.'),
      reactions: reactions('👀 being answered, after a second; ⏳ held'),
      group_context: groupContext(),
    },
  ),
  slack: group(
    'Slack; needs SLACK_BOT_TOKEN and SLACK_APP_TOKEN. Variables of the environment win over these keys.',
    {
      enabled: enabledWith('tokens are'),
      api_root: apiRoot(
        "Another root of the Web API instead of Slack's own (https://slack.com/api); plain http only to this machine.",
      ),
      allowed_users: key(list(slackMember), [], 'Who has access, by member ID (SLACK_ALLOWED_USERS).'),
      allowed_channels: key(list(slackChannel), [], 'Channels in which everybody has access.'),
      home_channel: key(orNull(slackPlace), null, 'Where alerts go (SLACK_HOME_CHANNEL).'),
      require_mention: key(
        flag,
        true,
        'In channels, answer only when mentioned, or in threads that it has a part in.',
      ),
      reactions: reactions('👀 being answered, after a second; ⏳ held'),
      group_context: groupContext(),
    },
  ),
  matrix: group('Matrix; needs MATRIX_HOMESERVER and MATRIX_ACCESS_TOKEN.', {
    enabled: enabledWith('token is'),
    api_root: apiRoot(
      "Where the homeserver's client API is; wins over MATRIX_HOMESERVER. Plain http only to this machine.",
    ),
    allowed_users: key(
      list(matrixUser),
      [],
      'Who has access and may invite the bot, by id (MATRIX_ALLOWED_USERS, which wins).',
    ),
    allowed_rooms: key(
      list(matrixRoom),
      [],
      'Rooms in which everybody has access, and into which anybody may invite the bot.',
    ),
    home_channel: key(orNull(matrixRoom), null, 'The room for alerts.'),
    require_mention: key(flag, true, 'In rooms of several people, answer only when mentioned or replied to.'),
    reactions: reactions('👀 being answered, after a second; ⏳ held'),
    group_context: groupContext(),
  }),
  email: group('E-mail; needs EMAIL_ADDRESS, EMAIL_PASSWORD and both hosts.', {
    enabled: enabledWith('password is'),
    allowed_users: key(
      list(mailAddress),
      [],
      'Who may write, by mail address (EMAIL_ALLOWED_USERS, which wins).',
    ),
    // No default: a header that anybody can write proves nothing.
    authserv_id: key(
      orNull(serverName),
      null,
      'The name under which the receiving server reports its check of the sender (the first word of Authentication-Results). Without it no mail is accepted, because no sender can be verified. docs/email.md says how to find it.',
    ),
    username: key(orNull(text), null, "The account's name, where it is not EMAIL_ADDRESS."),
    // The folder that every IMAP server has. @see RFC 9051 §5.1
    mailbox: key(text, 'INBOX', 'The folder that is read.'),
    // Sixty mails an hour are a program, not a person.
    mails_per_hour: key(
      count(1, 100_000),
      60,
      'Mails of one person that are answered within an hour. More indicate a loop between two programs; they get no reply.',
    ),
    imap: group('The IMAP server.', mailServerKeys('EMAIL_IMAP_HOST')),
    smtp: group('The SMTP server.', mailServerKeys('EMAIL_SMTP_HOST')),
  }),
})
