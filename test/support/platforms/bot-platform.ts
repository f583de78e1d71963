import type { TcpProxy } from '../processes/tcp-proxy.ts'

/**
 * A chat platform for a whole gateway process: its simulator (or a real server) is in the test's process,
 * outlives every kill of the gateway, and is reached only through lines that can be broken.
 */
export interface BotPlatform extends AsyncDisposable {
  /** As the channel is called. */
  readonly name: string
  /** The channel's part of `config.yaml` (below `channels`), with addresses that lead through the lines. */
  readonly channels: Readonly<Record<string, unknown>>
  /** The home's `.env`; everybody who writes here is allowed. */
  readonly env: Readonly<Record<string, string>>
  /** Every connection of the gateway to the platform passes through one of these. */
  readonly lines: readonly TcpProxy[]
  /** A repeat of a send can be recognised by the platform, so that no answer is ever seen twice. */
  readonly dropsRepeats: boolean
  /** A person writes in the private conversation of that number (from 0). Resolves when the platform has it. */
  say(conversation: number, text: string): Promise<void>
  /** The bot's finished messages in that conversation, as a reader sees them now, oldest first. */
  answers(conversation: number): readonly string[]
}
