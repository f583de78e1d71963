import { BUILT_IN_MODELS } from '../../src/anthropic/models/built-in-models.ts'
import * as discordAnswers from '../../src/channels/discord/api/failure.ts'
import { isSnowflake } from '../../src/channels/discord/api/snowflake.ts'
import { parsePlace } from '../../src/channels/discord/place.ts'
import * as discord from '../../src/channels/discord/send/format.ts'
import { imapTrouble } from '../../src/channels/email/failure.ts'
import { sealedSentence } from '../../src/channels/email/intake/attachments.ts'
import { Headers, parseHeaders } from '../../src/channels/email/intake/headers.ts'
import { replySubject } from '../../src/channels/email/intake/parse-mail.ts'
import { splitForward } from '../../src/channels/email/intake/split-forward.ts'
import * as quotes from '../../src/channels/email/intake/strip-quotes.ts'
import * as mailAddress from '../../src/channels/email/mail-address.ts'
import { parsePosition } from '../../src/channels/email/mailbox/position.ts'
import { toMailHtml } from '../../src/channels/email/send/compose.ts'
import { splitAnswer } from '../../src/channels/email/send/split.ts'
import * as thread from '../../src/channels/email/send/thread.ts'
import * as results from '../../src/channels/email/trust/authentication-results.ts'
import { automaticMail } from '../../src/channels/email/trust/automatic-mail.ts'
import { sameOrganisation } from '../../src/channels/email/trust/same-organisation.ts'
import { senderOf } from '../../src/channels/email/trust/sender.ts'
import { imageSize } from '../../src/channels/kit/files/image-size.ts'
import { pdfFacts } from '../../src/channels/kit/files/pdf.ts'
import { isTextFile, readableType } from '../../src/channels/kit/files/readable-file.ts'
import { sniff } from '../../src/channels/kit/files/sniff.ts'
import { linkBehind, withAddress } from '../../src/channels/kit/intake/link-behind.ts'
import { decodeEntities, isVisible } from '../../src/channels/kit/send/plain-text.ts'
import * as split from '../../src/channels/kit/send/split-markdown.ts'
import * as matrixAddress from '../../src/channels/matrix/address.ts'
import * as matrixAnswers from '../../src/channels/matrix/api/failure.ts'
import * as addressed from '../../src/channels/matrix/intake/addressed.ts'
import * as matrixLinks from '../../src/channels/matrix/intake/links.ts'
import { captionOf } from '../../src/channels/matrix/intake/media.ts'
import * as matrix from '../../src/channels/matrix/send/format.ts'
import * as slackAddress from '../../src/channels/slack/address.ts'
import * as slackAnswers from '../../src/channels/slack/api/failure.ts'
import * as slackWords from '../../src/channels/slack/api/trouble.ts'
import * as slackCommands from '../../src/channels/slack/intake/commands.ts'
import * as slackText from '../../src/channels/slack/intake/text.ts'
import { isPlace } from '../../src/channels/slack/intake/threads.ts'
import * as slack from '../../src/channels/slack/send/format.ts'
import * as slackWording from '../../src/channels/slack/send/wording.ts'
import * as telegramAnswers from '../../src/channels/telegram/api/failure.ts'
import { parseAddress, withLinks } from '../../src/channels/telegram/intake/receive.ts'
import * as telegram from '../../src/channels/telegram/send/format.ts'
import * as telegramSplit from '../../src/channels/telegram/send/sender.ts'
import { oddLines, parseDotenv } from '../../src/config/environment/dotenv.ts'
import { DEFAULT_TEXTS } from '../../src/config/texts.ts'
import { parseCommand, readRequest, unknownCommand } from '../../src/conversation/commands.ts'
import { blocksWithoutThinking } from '../../src/conversation/context/answer-blocks.ts'
import { readEpochRecord } from '../../src/conversation/context/epoch.ts'
import { estimateTokens } from '../../src/conversation/context/history.ts'
import { messageContext } from '../../src/conversation/context/message-context.ts'
import { incomingMessage } from '../../src/conversation/incoming-message.ts'
import { belongsToSignIn, mayHoldCode } from '../../src/conversation/login/belongs-to-sign-in.ts'
import { readReply } from '../../src/conversation/login/read-reply.ts'
import { findModel } from '../../src/conversation/model-settings.ts'
import { chatOutcome } from '../../src/conversation/turn-outcome.ts'
import { readCookie } from '../../src/http/access/session-cookie.ts'
import { isConversation } from '../../src/http/api/conversations-api.ts'
import { isMessageState } from '../../src/http/api/items.ts'
import { sinceOf } from '../../src/http/api/usage-api.ts'
import { isQuickToParse } from '../../src/http/json-shape.ts'
import { contentOf } from '../../src/http/openai/content.ts'
import { speaksOpenAi } from '../../src/http/openai/problem.ts'
import { readCompletionRequest } from '../../src/http/openai/request.ts'
import { frame } from '../../src/http/streams/sse.ts'
import { promptOf, textsIn } from '../../src/http/webhooks/prompt.ts'
import { isSigned, readSignedHeaders } from '../../src/http/webhooks/signature.ts'
import { Secret } from '../../src/support/secret.ts'
import * as decoding from '../../src/support/text/decode-text.ts'
import { closes, fenceOf, openFence } from '../../src/support/text/fence.ts'
import { jsonMember, jsonParts, jsonPlaces } from '../../src/support/text/json-parts.ts'
import { legacySetOf } from '../../src/support/text/legacy-set.ts'
import { lexMarkdown } from '../../src/support/text/lex-markdown.ts'
import * as printing from '../../src/support/text/printable.ts'
import { redact, redactLine } from '../../src/support/text/redact.ts'
import * as tokenShape from '../../src/support/text/token-shape.ts'
import { plainAnswer } from '../support/provider/plain-answer.ts'

/** How a function is given text from outside. */
export interface Input {
  readonly call: (text: string) => unknown
  /** What its callers let through at most; 64 KB unless there is such a bound. */
  readonly length?: number
  /** What it may cost, where the whole of what it is given is read by a parser that is linear but slow. */
  readonly cpuMs?: number
}

const ROOM = { limit: 4_096, shownLength: (markdown: string) => markdown.length }
const MAIL_SERVER = { host: 'mail.test', port: 993, security: 'tls' } as never
const MATRIX_BOT = { userId: '@bot:bot.test', name: 'Bot' }
const SLACK_BOT = { userId: 'U0BOT', name: 'bot' }
const SECRET = new Secret('TESTsecret')

/** A part of an answer is formatted when it has been cut to the longest message of the platform. */
const part = (call: Input['call']): Input => ({ call, length: 4_096 })
/** An answer longer than any model gives, read by the lexer of Markdown: linear, and slow. */
const answer = (call: Input['call']): Input => ({ call, length: 32 * 1024, cpuMs: 250 })

const image = (text: string) => [{ type: 'image_url', image_url: { url: `data:image/png;base64,${text}` } }]
const file = (text: string) => [
  { type: 'file', file: { filename: text, file_data: `data:${text};base64,aGk=` } },
]
/** What is refused is refused quickly, too. */
const refused = (call: () => unknown) => {
  try {
    return call()
  } catch (error) {
    return error
  }
}

const mailWith = (name: string, value: string) =>
  new Headers([
    { name: 'from', value: 'Anna <anna@example.org>' },
    { name, value },
  ])
const MAIL_FIELDS = ['from', 'authentication-results', 'auto-submitted', 'content-type', 'message-id']

/** Every function that takes text from outside, by the file and the name of the function. */
export const INPUTS: Readonly<Record<string, Input | Input['call']>> = {
  'src/http/api/usage-api.ts sinceOf': (text) => sinceOf(text, 0),
  'src/channels/discord/api/failure.ts classifyAnswer': (text) =>
    discordAnswers.classifyAnswer('POST', 400, null, text),
  'src/channels/discord/api/snowflake.ts isSnowflake': isSnowflake,
  'src/channels/discord/place.ts parsePlace': parsePlace,
  'src/channels/discord/send/format.ts splitForDiscord': answer(discord.splitForDiscord),
  'src/channels/discord/send/format.ts firstForDiscord': discord.firstForDiscord,
  'src/channels/discord/send/format.ts toDiscordMarkdown': discord.toDiscordMarkdown,
  'src/channels/email/failure.ts imapTrouble': (text) => imapTrouble(new Error(text), MAIL_SERVER, text),
  'src/channels/email/intake/headers.ts parseHeaders': (text) =>
    parseHeaders(Buffer.from(`Subject: ${text}\r\n\r\n`)),
  'src/channels/email/intake/attachments.ts sealedSentence': (text) => sealedSentence(text, text),
  'src/channels/email/intake/parse-mail.ts replySubject': replySubject,
  'src/channels/email/intake/strip-quotes.ts stripQuotes': (text) => {
    quotes.stripQuotes(text, true)
    quotes.stripQuotes(`From${text}`, true)
    quotes.stripQuotes(`On ${text} wrote:\n> a`, true)
  },
  'src/channels/email/intake/strip-quotes.ts splitQuotes': (text) => {
    quotes.splitQuotes(text, true, 'bot@example.org')
    quotes.splitQuotes(`a\n> ${text}`, true, 'bot@example.org')
  },
  'src/channels/email/intake/strip-quotes.ts linesOf': quotes.linesOf,
  'src/channels/email/intake/strip-quotes.ts isListOfMail': (text) =>
    quotes.isListOfMail(text.split('\n'), 0, null),
  'src/channels/email/intake/strip-quotes.ts withoutBlankEnds': (text) =>
    quotes.withoutBlankEnds(text.split('\n')),
  'src/channels/email/mail-address.ts normalAddress': mailAddress.normalAddress,
  'src/channels/email/mail-address.ts singleMailbox': mailAddress.singleMailbox,
  'src/channels/email/mail-address.ts endOfQuoted': (text) => mailAddress.endOfQuoted(text, 0),
  'src/channels/email/mail-address.ts endOfComment': (text) => mailAddress.endOfComment(text, 0),
  'src/channels/email/mailbox/position.ts parsePosition': parsePosition,
  'src/channels/email/send/compose.ts toMailHtml': answer(toMailHtml),
  'src/channels/email/send/split.ts splitAnswer': (text) => splitAnswer(text),
  'src/channels/email/send/thread.ts parseTarget': thread.parseTarget,
  'src/channels/email/send/thread.ts messageIds': thread.messageIds,
  'src/channels/email/send/thread.ts threadOf': (text) =>
    thread.threadOf(mailWith('references', text), '<a@b.test>', 'bot.test'),
  'src/channels/email/send/thread.ts threadOfOwn': (text) => thread.threadOfOwn(text, 'bot.test'),
  'src/channels/email/send/thread.ts substituteId': (text) => thread.substituteId(Buffer.from(text)),
  'src/channels/email/trust/authentication-results.ts parseAuthenticationResults':
    results.parseAuthenticationResults,
  'src/channels/email/trust/authentication-results.ts authservIdOf': results.authservIdOf,
  'src/channels/email/trust/authentication-results.ts mayBeOf': (text) => results.mayBeOf(text, 'mx.test'),
  'src/channels/email/trust/automatic-mail.ts automaticMail': (text) => {
    for (const name of MAIL_FIELDS) automaticMail(mailWith(name, text), 'a@b.test', 'bot@bot.test')
  },
  'src/channels/email/trust/same-organisation.ts sameOrganisation': (text) => sameOrganisation(text, text),
  'src/channels/email/trust/sender.ts senderOf': (text) => {
    for (const name of MAIL_FIELDS) senderOf(mailWith(name, text), 'mx.test')
  },
  'src/channels/kit/send/plain-text.ts decodeEntities': (text) => decodeEntities(text),
  'src/support/text/json-parts.ts jsonMember': (text) => {
    jsonMember(JSON.stringify({ [text]: text, last: text }), 'last')
  },
  'src/support/text/json-parts.ts jsonPlaces': (text) => {
    for (const json of [text, JSON.stringify([text])]) jsonPlaces(json)
  },
  'src/support/text/json-parts.ts jsonParts': (text) => {
    for (const json of [text, JSON.stringify([text])]) jsonParts(json)
  },
  'src/support/text/fence.ts fenceOf': fenceOf,
  'src/support/text/fence.ts openFence': openFence,
  'src/support/text/fence.ts closes': (text) => closes(text, { opening: '```', closing: '```' }),
  'src/support/text/lex-markdown.ts lexMarkdown': answer((text) => lexMarkdown(text)),
  'src/channels/kit/files/image-size.ts imageSize': (text) => {
    for (const type of ['image/png', 'image/jpeg', 'image/gif', 'image/webp'])
      imageSize(type, Buffer.from(text))
  },
  'src/channels/kit/files/pdf.ts pdfFacts': (text) => pdfFacts(Buffer.from(text)),
  'src/channels/kit/intake/link-behind.ts linkBehind': (text) => linkBehind(text, text),
  'src/channels/kit/intake/link-behind.ts withAddress': (text) => withAddress(text, text),
  'src/channels/email/intake/split-forward.ts splitForward': splitForward,
  'src/conversation/incoming-message.ts incomingMessage': (text) => {
    const person = { id: 'p', name: text }
    const chat = { id: 'g', kind: 'group', addressed: true, name: text } as const
    const item = { kind: 'message', address: 'g', platformMessageId: '1', unsupported: null } as const
    const about = {
      quotes: [{ kind: 'forward', from: text, text }],
      links: [{ words: text, address: text }],
    } as const
    const brought = { attachments: [], heard: [], zone: null }
    incomingMessage('chat', { ...item, person, chat, text, attachments: [], about }, brought)
  },
  'src/conversation/context/message-context.ts messageContext': (text) => {
    const about = {
      group: { name: text },
      quotes: [{ kind: 'reply', from: text, text }],
      links: [{ words: text, address: text }],
      heard: [{ person: 'p', from: text, text }],
    } as const
    messageContext({ about, at: 0, personId: 'p', personName: text, text }, null)
  },
  'src/channels/kit/files/readable-file.ts isTextFile': (text) => isTextFile(text, text),
  'src/channels/kit/files/readable-file.ts readableType': (text) => readableType(text, text),
  'src/channels/kit/files/sniff.ts sniff': (text) => sniff(Buffer.from(text)),
  'src/channels/kit/send/split-markdown.ts splitMarkdown': answer((text) => split.splitMarkdown(text, ROOM)),
  'src/channels/kit/send/split-markdown.ts firstPart': (text) => split.firstPart(text, ROOM),
  'src/channels/kit/send/plain-text.ts isVisible': isVisible,
  'src/channels/matrix/address.ts parseAddress': matrixAddress.parseAddress,
  'src/channels/matrix/address.ts isUserId': matrixAddress.isUserId,
  'src/channels/matrix/api/failure.ts classifyAnswer': (text) =>
    matrixAnswers.classifyAnswer('sync', 400, new globalThis.Headers(), { errcode: text, error: text }),
  'src/channels/matrix/intake/addressed.ts mentions': (text) =>
    addressed.mentions({ body: text, formatted_body: text }, MATRIX_BOT),
  'src/channels/matrix/intake/addressed.ts isPlainCommand': addressed.isPlainCommand,
  'src/channels/matrix/intake/addressed.ts normalisedText': (text) =>
    addressed.normalisedText(text, MATRIX_BOT),
  'src/channels/matrix/intake/addressed.ts withoutFallback': addressed.withoutFallback,
  'src/channels/matrix/intake/links.ts withLinks': (text) => matrixLinks.withLinks(text, text),
  'src/channels/matrix/intake/links.ts linksBehind': (text) => matrixLinks.linksBehind(text, text),
  'src/channels/matrix/intake/media.ts captionOf': (text) => captionOf({ filename: 'a', body: text }),
  'src/channels/matrix/send/format.ts toMatrixHtml': part(matrix.toMatrixHtml),
  'src/channels/matrix/send/format.ts contentOf': part(matrix.contentOf),
  'src/channels/matrix/send/format.ts editOf': part((text) => matrix.editOf('$a', text)),
  'src/channels/matrix/send/format.ts sizeOf': part(matrix.sizeOf),
  'src/channels/matrix/send/format.ts splitMarkdown': part(matrix.splitMarkdown),
  'src/channels/matrix/send/format.ts firstPart': part(matrix.firstPart),
  'src/channels/slack/address.ts parseAddress': slackAddress.parseAddress,
  'src/channels/slack/address.ts isPrivate': slackAddress.isPrivate,
  'src/channels/slack/address.ts isPerson': slackAddress.isPerson,
  'src/channels/slack/address.ts compareTs': (text) => slackAddress.compareTs(text, text),
  'src/channels/slack/address.ts msOf': slackAddress.msOf,
  'src/channels/slack/api/failure.ts refused': (text) => slackAnswers.refused('a', text, text),
  'src/channels/slack/api/trouble.ts troubleOfEnd': slackWords.troubleOfEnd,
  'src/channels/slack/api/trouble.ts scopeProblem': (text) => slackWords.scopeProblem(text, 'bot' as never),
  'src/channels/slack/intake/commands.ts commandText': slackCommands.commandText,
  'src/channels/slack/intake/commands.ts withSlash': slackCommands.withSlash,
  'src/channels/slack/intake/commands.ts withCommandsOf': (text) => slackCommands.withCommandsOf('C1', text),
  'src/channels/slack/intake/text.ts plainText': (text) => slackText.plainText(text, SLACK_BOT),
  'src/channels/slack/intake/text.ts quotedText': (text) => slackText.quotedText(text, SLACK_BOT),
  'src/channels/slack/intake/text.ts linksIn': slackText.linksIn,
  'src/channels/slack/intake/text.ts mentions': (text) => slackText.mentions(text, 'U0BOT'),
  'src/channels/slack/intake/text.ts mentionsOnlyOthers': (text) =>
    slackText.mentionsOnlyOthers(text, 'U0BOT'),
  'src/channels/slack/intake/threads.ts isPlace': isPlace,
  'src/channels/slack/send/format.ts toMrkdwn': part(slack.toMrkdwn),
  'src/channels/slack/send/format.ts toPlainText': slack.toPlainText,
  'src/channels/slack/send/wording.ts partsOf': part(slackWording.partsOf),
  'src/channels/slack/send/wording.ts draftOf': part(slackWording.draftOf),
  'src/channels/slack/send/wording.ts wordingOf': part(slackWording.wordingOf),
  'src/channels/telegram/api/failure.ts classifyAnswer': (text) =>
    telegramAnswers.classifyAnswer('sendMessage', { error_code: 400, description: text } as never),
  'src/channels/telegram/intake/receive.ts parseAddress': parseAddress,
  'src/channels/telegram/intake/receive.ts withLinks': (text) =>
    withLinks(text, [{ type: 'text_link', offset: 0, length: text.length, url: text }]),
  'src/channels/telegram/send/format.ts toTelegramHtml': part((text) =>
    telegram.toTelegramHtml(text, { group: true }),
  ),
  'src/channels/telegram/send/format.ts toPlainText': (text) => telegram.toPlainText(text, { group: true }),
  'src/channels/telegram/send/format.ts visibleLength': telegram.visibleLength,
  'src/channels/telegram/send/sender.ts splitMarkdown': part((text) => telegramSplit.splitMarkdown(text)),
  'src/channels/telegram/send/sender.ts firstPart': part((text) => telegramSplit.firstPart(text)),
  'src/config/environment/dotenv.ts parseDotenv': parseDotenv,
  'src/config/environment/dotenv.ts oddLines': oddLines,
  'src/conversation/commands.ts readRequest': (text) => readRequest(text, new Map()),
  'src/conversation/login/belongs-to-sign-in.ts mayHoldCode': (text) => {
    mayHoldCode(text)
    belongsToSignIn({ phase: 'over', isCommand: false, text })
  },
  'src/conversation/login/read-reply.ts readReply': (text) => {
    for (const step of ['choice', 'terms', 'code', 'key'] as const) readReply(step, text, DEFAULT_TEXTS)
  },
  'src/conversation/commands.ts parseCommand': (text) => {
    parseCommand(text)
    parseCommand(`/new${text}`)
  },
  'src/conversation/context/answer-blocks.ts blocksWithoutThinking': (text) => {
    const content = [{ type: 'text', text }]
    for (const blocks of [text, JSON.stringify([{ role: 'assistant', content }])])
      blocksWithoutThinking(blocks)
  },
  'src/conversation/commands.ts unknownCommand': (text) => {
    unknownCommand(text, new Map())
    unknownCommand(`/${text}`, new Map())
  },
  'src/conversation/context/epoch.ts readEpochRecord': readEpochRecord,
  'src/conversation/turn-outcome.ts chatOutcome': (text) => {
    const answer = plainAnswer(text, 'claude-test', { stopReason: 'max_tokens' })
    const end = { answer, steps: [], discarded: [], isAtLimit: false }
    chatOutcome(end, { cost: null, stored: {} } as never, null, DEFAULT_TEXTS)
  },
  'src/conversation/context/history.ts estimateTokens': estimateTokens,
  'src/http/access/session-cookie.ts readCookie': (text) => readCookie(text, 'session'),
  'src/http/api/conversations-api.ts isConversation': isConversation,
  'src/http/api/items.ts isMessageState': isMessageState,
  'src/http/openai/content.ts contentOf': (text) => {
    for (const content of [text, image(text), file(text)]) refused(() => contentOf(content, 'messages[0]'))
  },
  'src/http/openai/request.ts readCompletionRequest': (text) =>
    refused(() =>
      readCompletionRequest({ model: 'm', stop: text, messages: [{ role: 'user', content: text }] }, ['m']),
    ),
  'src/http/openai/problem.ts speaksOpenAi': speaksOpenAi,
  'src/http/streams/sse.ts frame': (text) => frame('delta', text),
  'src/http/webhooks/prompt.ts promptOf': (text) => promptOf('{{body}} {{body.a}}', 'hook', text),
  'src/http/webhooks/prompt.ts textsIn': textsIn,
  'src/http/webhooks/signature.ts readSignedHeaders': (text) => readSignedHeaders(() => text, 0),
  'src/http/webhooks/signature.ts isSigned': (text) =>
    isSigned(Buffer.from(text), { id: 'a', timestamp: '1', signatures: [text] }, SECRET),
  'src/conversation/model-settings.ts findModel': (text) => findModel(BUILT_IN_MODELS, text),
  'src/http/json-shape.ts isQuickToParse': (text) => isQuickToParse(Buffer.from(text)),
  'src/support/text/decode-text.ts decodeText': (text) => decoding.decodeText(Buffer.from(text)),
  'src/support/text/decode-text.ts decodeEscapes': decoding.decodeEscapes,
  'src/support/text/decode-text.ts wideSetOf': (text) => decoding.wideSetOf(Buffer.from(text)),
  'src/support/text/legacy-set.ts legacySetOf': (text) => legacySetOf(Buffer.from(text)),
  'src/support/text/printable.ts printable': printing.printable,
  'src/support/text/printable.ts printableLines': printing.printableLines,
  'src/support/text/printable.ts printableOutput': printing.printableOutput,
  'src/support/text/printable.ts printableName': printing.printableName,
  'src/support/text/printable.ts isBlank': printing.isBlank,
  'src/support/text/redact.ts redact': redact,
  'src/support/text/redact.ts redactLine': (text) => redactLine(JSON.stringify({ msg: text })),
  'src/support/text/token-shape.ts tokenShapeProblem': tokenShape.tokenShapeProblem,
  'src/support/text/token-shape.ts looksLikeSignInPaste': tokenShape.looksLikeSignInPaste,
  'src/support/text/token-shape.ts holdsSignInSecret': tokenShape.holdsSignInSecret,
  'src/support/text/token-shape.ts undressed': tokenShape.undressed,
  'src/support/text/token-shape.ts trimMarks': tokenShape.trimMarks,
  'src/support/text/token-shape.ts withoutInvisible': tokenShape.withoutInvisible,
  'src/support/text/token-shape.ts isSandboxToken': tokenShape.isSandboxToken,
}
