import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MEMORY_ENVIRONMENT } from '../../../src/cli/service/unit.ts'
import { OwnStore } from '../../../src/credentials/own/own-store.ts'
import { TokenEndpoint } from '../../../src/oauth/token-endpoint.ts'
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts'
import { machineId } from '../../../src/support/machine.ts'
import type { BotPlatform } from '../../../test/support/platforms/bot-platform.ts'
import { discordPlatform } from '../../../test/support/platforms/discord/discord-platform.ts'
import { emailPlatform } from '../../../test/support/platforms/email/email-platform.ts'
import { missingMailServers } from '../../../test/support/platforms/email/mail-host.ts'
import { matrixPlatform } from '../../../test/support/platforms/matrix/matrix-platform.ts'
import { slackPlatform } from '../../../test/support/platforms/slack/slack-platform.ts'
import { telegramPlatform } from '../../../test/support/platforms/telegram/telegram-platform.ts'
import { GatewayProcess } from '../../../test/support/processes/gateway-process.ts'
import { tokensOf } from '../../../test/support/provider/tokens-of.ts'
import type { HonestPlace } from './honest-chat.ts'
import { hookPlace, openAiPlace, webPlace } from './honest-programs.ts'
import { OddDoor } from './odd-door.ts'
import { oddDiscord, oddMail, oddMatrix, oddSlack, oddTelegram, type OddSender } from './odd-messages.ts'
import { oddOpenAi, oddWeb, oddWebhook } from './odd-requests.ts'
import type { OddValues } from './odd-values.ts'
import { chatStrikes, discordCall, matrixCall, providerStrikes, slackCall, telegramCall } from './strikes.ts'

const HOOKS = [
  { name: 'honest', secret: 'TEST-hook-secret-0123456789', conversation: 'hooks' },
  { name: 'odd', secret: 'TEST-hook-secret-9876543210', conversation: 'odd-hooks' },
] as const
/** A refresh every 40 s: many of them fall into a run. */
const TOKEN_LIFE_S = 60
/** A mail's way there and back takes a second, and its reader reads files each time. */
const MAIL_PACE_MS = 4_000
const CHAT_PACE_MS = 1_000
/**
 * A window that every conversation fills within the first minutes, in tokens: with that of the model requests grow
 * for as long as the run lasts, and growth for another reason would not be seen.
 */
const CONTEXT_TOKENS = 64_000

/** As the installed service runs it. */
const PROCESS_ENV = (keptFile: string) => ({
  ...MEMORY_ENVIRONMENT,
  NODE_OPTIONS: `${MEMORY_ENVIRONMENT['NODE_OPTIONS']} --expose-gc --import=${import.meta.resolve('./collect-garbage.ts')}`,
  HERMES_KEPT_MEMORY: keptFile,
})

interface WorldParts {
  readonly gateway: GatewayProcess
  /** What the gateway's memory is after each collection of garbage. */
  readonly keptFile: string
  readonly sandbox: Sandbox
  /** Answers behind these may be odd. */
  readonly doors: ReadonlyMap<string, OddDoor>
  /** Where honest people write. */
  readonly places: readonly HonestPlace[]
  /** Who sends odd things, by channel. */
  readonly senders: ReadonlyMap<string, OddSender>
}

/** A whole gateway with every channel open, between doors behind which everything else lives. */
export class OutsideWorld implements AsyncDisposable {
  readonly parts: WorldParts
  readonly #stack: AsyncDisposableStack

  private constructor(parts: WorldParts, stack: AsyncDisposableStack) {
    this.parts = parts
    this.#stack = stack
  }

  /** @param oddOf a sequence of its own for each name, so that none depends on how fast the others are */
  static async start(oddOf: (name: string) => OddValues): Promise<OutsideWorld> {
    await using stack = new AsyncDisposableStack()
    const sandbox = await startSandbox({ marked: false, keepRequests: 0, tokenLifetimeSeconds: TOKEN_LIFE_S })
    stack.defer(() => sandbox.close())
    sandbox.control.answer({ style: 'echo', delayMs: 20, deltaDelayMs: 3, wordsPerDelta: 3 })
    const telegram = stack.use(await telegramPlatform())
    const discord = stack.use(await discordPlatform())
    const slack = stack.use(await slackPlatform())
    const matrix = stack.use(await matrixPlatform())
    const email = missingMailServers === null ? stack.use(await emailPlatform()) : null
    const doors = new Map<string, OddDoor>()
    const door = async (name: string, root: string, strikes: Parameters<typeof OddDoor.to>[2]) => {
      const opened = stack.use(await OddDoor.to(Number(new URL(root).port), oddOf(`door ${name}`), strikes))
      doors.set(name, opened)
      return `http://127.0.0.1:${opened.port}`
    }
    const provider = await door('provider', sandbox.url, providerStrikes(oddOf('provider')))
    const roots = {
      telegram: await door(
        'telegram',
        telegram.server.apiRoot,
        chatStrikes(oddOf('answers of telegram'), telegramCall),
      ),
      discord: await door(
        'discord',
        discord.server.apiRoot,
        chatStrikes(oddOf('answers of discord'), discordCall),
      ),
      slack: await door('slack', slack.server.apiRoot, chatStrikes(oddOf('answers of slack'), slackCall)),
      matrix: await door(
        'matrix',
        matrix.server.apiRoot,
        chatStrikes(oddOf('answers of matrix'), matrixCall),
      ),
    }
    const platforms: BotPlatform[] = [telegram, discord, slack, matrix, ...(email ? [email] : [])]
    const channels = {
      ...email?.channels,
      telegram: { api_root: roots.telegram },
      discord: { api_root: `${roots.discord}/api` },
      slack: { api_root: `${roots.slack}/api/` },
      matrix: { api_root: roots.matrix },
    }
    const env: Record<string, string> = Object.assign({}, ...platforms.map((platform) => platform.env))
    const config = { ...configOf(sandbox, provider), channels }
    const folder = mkdtempSync(join(tmpdir(), 'hermes-outside-'))
    stack.defer(() => rmSync(folder, { recursive: true }))
    const keptFile = join(folder, 'kept-memory')
    const gateway = stack.use(
      await GatewayProcess.prepare({ config, env, processEnv: PROCESS_ENV(keptFile) }),
    )
    await signIn(gateway.home, sandbox)
    await gateway.start()
    const [honestHook, oddHook] = HOOKS
    const side = { port: gateway.port, token: gateway.token, hook: oddHook }
    const senders = new Map<string, OddSender>([
      ['telegram', oddTelegram(telegram.server, oddOf('telegram'))],
      ['discord', oddDiscord(discord.server, oddOf('discord'), roots.discord)],
      ['slack', oddSlack(slack.server, oddOf('slack'), roots.slack)],
      ['matrix', oddMatrix(matrix.server, oddOf('matrix'))],
      ...(email ? [['email', oddMail(email.host, oddOf('mail'))] as const] : []),
      ['web', oddWeb(side, oddOf('web'))],
      ['openai', oddOpenAi(side, oddOf('openai'))],
      ['webhook', oddWebhook(side, oddOf('webhook'))],
    ])
    const places = [
      ...platforms.map((platform) => placeOn(platform, (text) => email?.takenAt(0, text) ?? [])),
      webPlace(gateway),
      openAiPlace(gateway),
      hookPlace(gateway, honestHook),
    ]
    return new OutsideWorld({ gateway, keptFile, sandbox, doors, places, senders }, stack.move())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

function configOf({ url, authorizeUrl, tokenUrl, redirectUri }: Sandbox, provider: string) {
  const token_urls = [tokenUrl.replace(url, provider)]
  return {
    model: { base_url: provider, context_length: CONTEXT_TOKENS },
    auth: { oauth: { authorize_url: authorizeUrl, token_urls, redirect_uri: redirectUri } },
    gateway: { rate_per_person: 10_000 },
    webhooks: HOOKS.map(({ name, secret, conversation }) => ({
      name,
      secret,
      deliver_to: `web:${conversation}`,
      prompt: '{{body}}',
    })),
  }
}

function placeOn(platform: BotPlatform, mailTakenAt: (text: string) => readonly number[]): HonestPlace {
  return {
    ...(platform.name === 'email' ? { takenAt: mailTakenAt } : {}),
    name: platform.name,
    paceMs: platform.name === 'email' ? MAIL_PACE_MS : CHAT_PACE_MS,
    // The server numbers two mails that come at the same moment as it likes.
    overtakes: platform.name === 'email',
    say: (text) => platform.say(0, text),
    answers: () => platform.answers(0),
  }
}

/** Somebody has signed in on this machine before the gateway starts. */
async function signIn(home: string, sandbox: Sandbox): Promise<void> {
  const issued = sandbox.signIn()
  const { authorizeUrl, tokenUrl, redirectUri } = sandbox
  const store = new OwnStore({
    path: join(home, 'credentials.json'),
    machineId: machineId(home),
    endpoint: new TokenEndpoint({
      authorizeUrl,
      tokenUrls: [tokenUrl],
      redirectUri,
      clientId: 'test',
      scopes: [],
      userAgent: 'hermes-gateway/0.0.0-test',
      headers: {},
    }),
  })
  await store.signIn({ kind: 'oauth', tokens: tokensOf(issued), requestedScopes: issued.scopes })
}
