import type { Channel } from '../channels/channel.ts'
import { openFleetPlatforms, speakers } from '../channels/fleet/fleet-channels.ts'
import { ReactionTracker } from '../channels/kit/reactions/reaction-tracker.ts'
import { WebChannel } from '../channels/web/web-channel.ts'
import { type ChannelSettings, groupContexts } from '../config/channels.ts'
import { soulReader } from '../config/home/soul.ts'
import { accessPolicyOf } from '../conversation/access/access.ts'
import { Messaging } from '../conversation/messaging.ts'
import type { KeySignIn } from '../credentials/key-sign-in.ts'
import type { LoginSessions } from '../credentials/login.ts'
import { ParkedInputs } from '../inbox/parked-inputs.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { SECOND } from '../support/clock.ts'
import { nanoOf } from '../usage/cost.ts'
import { watchCache } from '../usage/watch-cache.ts'
import { openBudgets, type BudgetParts } from './budgets.ts'
import { openChatLogin, type Speakers } from './chat-login.ts'
import { allDone } from './lifecycle.ts'
import type { ModelParts } from './model.ts'
import type { Runtime } from './runtime.ts'

/** Current answers get this long at a stop; then they return to the queue. */
const STOP_ANSWERS_MS = 8 * SECOND
/** The time to store what returns to the queue. */
const HAND_BACK_MS = 2 * SECOND

/** For the marks of the last answers; a part of the above. */
const CLEAR_REACTIONS_MS = SECOND

export interface Messages {
  readonly messaging: Messaging
  readonly web: WebChannel
  /** The chat platforms that are open in this process. */
  readonly platforms: readonly Channel[]
  /** Web and platforms. */
  readonly channels: readonly Channel[]
  /** Sends a direct message, not through the outbox; by the channel's name. */
  readonly speakers: Speakers
  readonly logins: LoginSessions
  readonly keySignIn: KeySignIn
  /** What was parked before anything was made of it. */
  readonly inputs: ParkedInputs
  readonly budgets: BudgetParts
  /** Takes over waiting messages, and starts answering. */
  startAnswering(stack: AsyncDisposableStack): Promise<void>
  /** Starts receiving. */
  startPlatforms(stack: AsyncDisposableStack): Promise<void>
}

/** Everything between people and the model. */
export async function openMessages(
  runtime: Runtime,
  { storage, fleet }: OpenStore,
  { model, gate, settings: modelSettings, cacheRecord }: ModelParts,
): Promise<Messages> {
  const { settings, clock, log, lifecycle, onProblem } = runtime
  const { config, paths, channels: channelSettings } = settings
  const { steps, time, output, rate, cost } = config.tools.limits
  const { texts, operators, hold, mergeWindow, concurrency, drainRate, ratePerPerson } = config.gateway
  const web = new WebChannel(clock, channelSettings.web.enabled)
  const inputs = new ParkedInputs(storage.inbox, clock, onProblem)
  const platforms = await openFleetPlatforms(
    channelSettings,
    fleet,
    { clock, log, inbox: storage.inbox, inputs },
    () => ({
      delivery: messaging.delivery,
      async resume(channel) {
        await reactions.resume(channel)
        await messaging.resumeOutbox()
      },
    }),
  )
  const reactions = new ReactionTracker({
    sendChannels: platforms.filter(({ channel }) => hasReactions(channelSettings, channel)),
    inbox: storage.inbox,
    conversations: storage.conversations,
    clock,
    log,
  })
  const channels = [web, ...platforms]
  const byName = speakers(platforms)
  const { logins, keySignIn, command, signIn } = openChatLogin(runtime, byName, storage.facts)
  const budgets = openBudgets(runtime, { storage, fleet }, () => messaging)
  const messaging = new Messaging({
    storage,
    model: watchCache(model, cacheRecord, clock),
    gate,
    sendChannels: channels,
    onDelivered: (item) => reactions.delivered(item),
    access: accessPolicyOf(channelSettings, operators),
    texts,
    clock,
    log,
    settings: modelSettings,
    cache: config.model.cache,
    system: soulReader(paths.soul, clock),
    tools: runtime.tools ?? [],
    limits: { steps, timeMs: time, resultBytes: output, callsPerMinute: rate, cost: nanoOf(cost) },
    hold,
    mergeWindow,
    concurrency,
    drainRate,
    ratePerPerson,
    groupContext: groupContexts(channelSettings),
    zone: machineZone,
    commands: new Map([
      ['login', command],
      ['budget', budgets.command],
    ]),
    prices: budgets.prices,
    budgets: budgets.keeper,
    signIn,
    fleet,
  })
  messaging.events.onAnyChange = (id) => reactions.changed(id)
  messaging.observer.subscribe(({ kind }) => kind === 'parked' && inputs.changed())
  return {
    messaging,
    web,
    platforms,
    channels,
    speakers: byName,
    logins,
    keySignIn,
    inputs,
    budgets,
    async startAnswering(stack) {
      await budgets.start(stack)
      await lifecycle.start(stack, 'answers', {
        async start() {
          // Before the first answer: from then on the states of messages no longer say what their marks are.
          await reactions.resumeAll()
          await messaging.start()
          if (config.channels.web.enabled) await web.start(messaging.receiver)
        },
        async stop() {
          await web.stop()
          await messaging.stop(STOP_ANSWERS_MS)
          await reactions.stop(CLEAR_REACTIONS_MS)
        },
        stopWithinMs: STOP_ANSWERS_MS + HAND_BACK_MS,
      })
    },
    async startPlatforms(stack) {
      await lifecycle.start(stack, 'platforms', {
        start: () => {
          const receiver = reactions.observe(messaging.receiver)
          return allDone(platforms.map((channel) => channel.start(receiver)))
        },
        stop: () => allDone(platforms.map((channel) => channel.stop())),
      })
    },
  }
}

let zoneName: string | null = null

/**
 * The IANA name of the zone that all programs of this machine have. Asked for with the first message: the first use
 * of `Intl` takes a tenth of the whole start.
 */
function machineZone(): string {
  return (zoneName ??= Intl.DateTimeFormat().resolvedOptions().timeZone)
}

/** Whether messages are marked on this channel. */
function hasReactions(settings: ChannelSettings, channel: string): boolean {
  const own: object = settings[channel as keyof ChannelSettings]
  return 'reactions' in own && own.reactions === true
}
