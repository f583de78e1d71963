import type { Receiver } from '../conversation/receiver.ts'
import type { SendChannel } from '../inbox/delivery/send-channel.ts'

/** A chat platform: it hands what arrives to the receiver, and delivers what the outbox holds. */
export interface Channel extends SendChannel {
  /** Begins to receive. Resolves when the loop runs, not when the platform has answered. */
  start(receiver: Receiver): Promise<void>
  /** Stops receiving; what was handed over is committed, what was not is not acknowledged. */
  stop(): Promise<void>
  status(): ChannelStatus
}

export interface ChannelStatus {
  readonly channel: string
  /** `standby`: another process of the fleet speaks for it. */
  readonly state: 'starting' | 'connected' | 'retrying' | 'failed' | 'stopped' | 'standby'
  /** What is wrong, in words for the operator; null = nothing. */
  readonly problem: string | null
  readonly since: number
  /** How the bot is called there, once known. */
  readonly account: string | null
}

/** Channels whose readers fetch answers from the store: nothing is put into the outbox for them. */
export const PULL_CHANNELS: readonly string[] = ['web', 'openai']

/** Platforms whose private chats may be trusted with a sign-in: never mail, webhooks or an API. */
export const LOGIN_CHANNELS: ReadonlySet<string> = new Set(['telegram', 'discord', 'slack', 'matrix'])
