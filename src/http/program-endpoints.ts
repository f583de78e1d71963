import type { Config } from '../config/config.ts'
import type { Conversations } from '../conversation/conversations.ts'
import type { Messaging } from '../conversation/messaging.ts'
import type { SendChannel } from '../inbox/delivery/send-channel.ts'
import type { Gate } from '../inbox/gate/gate.ts'
import { completionEndpoint } from './openai/completion-endpoint.ts'
import type { ProgramChannel } from './openai/service.ts'
import type { Endpoint } from './routes.ts'
import { webhookEndpoint } from './webhooks/webhook-endpoint.ts'

export interface ProgramEndpointParts {
  readonly config: Config
  /** Every channel that is open. */
  readonly channels: readonly SendChannel[]
  readonly messaging: Pick<Messaging, 'receiver' | 'events'>
  readonly conversations: Conversations
  readonly gate: Gate
}

/** The configured endpoints for other programs. */
export function programEndpoints(parts: ProgramEndpointParts): readonly Endpoint[] {
  const { config, channels, messaging, conversations, gate } = parts
  const { receiver, events } = messaging
  const models = [config.model.default]
  const programs = channels.find(isProgramChannel)
  // A switched-off web chat stays readable; endpoints for programs do not.
  const readers = channels
    .filter((channel) => channel !== programs && (channel.channel !== 'web' || config.channels.web.enabled))
    .map(({ channel }) => channel)
  return [
    ...(programs ? [completionEndpoint({ channel: programs, conversations, events, gate, models })] : []),
    webhookEndpoint({ hooks: config.webhooks, receiver, isOpen: (channel) => readers.includes(channel) }),
  ]
}

function isProgramChannel(channel: SendChannel): channel is SendChannel & ProgramChannel {
  return 'giveUp' in channel
}
