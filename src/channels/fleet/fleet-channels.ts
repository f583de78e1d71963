import type { ChannelSettings } from '../../config/channels.ts'
import type { PlatformName } from '../../config/person-ids.ts'
import { cursorWriter } from '../../inbox/cursor-writer.ts'
import type { Fleet } from '../../inbox/fleet/fleet.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import type { Channel } from '../channel.ts'
import { openPlatforms, type ChannelParts } from '../registry.ts'
import { HeldChannel } from './held-channel.ts'

interface FleetChannelParts extends Pick<ChannelParts, 'clock' | 'log' | 'inputs'> {
  readonly inbox: Pick<Inbox, 'accept' | 'cursor' | 'cursors'>
}

/** What sends on the channels; it is created after them. */
interface Sending {
  /** This process sends on the channel now. */
  resume(channel: string): Promise<void>
  readonly delivery: { drained(channel: string): Promise<void> }
}

type Speaker = Pick<Channel, 'send' | 'remove'>

/** The platforms as this process of the fleet has them: alone, in turn with others, or not at all. */
export async function openFleetPlatforms(
  settings: ChannelSettings,
  fleet: Fleet,
  { clock, log, inbox, inputs }: FleetChannelParts,
  sending: () => Sending,
): Promise<readonly Channel[]> {
  if (fleet.role === 'worker') return []
  const held = new Map<string, HeldChannel>()
  const platforms = await openPlatforms(settings, {
    clock,
    log,
    inputs,
    readCursor: (channel, name) => inbox.cursor(channel, name),
    readCursors: (channel) => inbox.cursors(channel),
    writeCursor: cursorWriter(inbox, clock, (channel) => held.get(channel)?.fence ?? null),
  })
  if (fleet.work === null) return platforms
  return platforms.map((channel) => {
    // Pull channels are read from the store by any process; only a platform needs a single holder.
    if (!channel.push) return channel
    const name = channel.channel
    const wrapped = new HeldChannel({
      channel,
      name: `channel:${name}:${accountOf(settings, name)}`,
      fleet,
      clock,
      onHeld: () => void sending().resume(name),
      onLeaving: () => sending().delivery.drained(name),
    })
    held.set(name, wrapped)
    return wrapped
  })
}

/** The channels by name, for notices of our own that bypass the outbox and the holder of the channel. */
export function speakers(platforms: readonly Channel[]): ReadonlyMap<string, Speaker> {
  return new Map(
    platforms.map((channel) => [
      channel.channel,
      speakerOf(channel instanceof HeldChannel ? channel.unwrapped : channel),
    ]),
  )
}

function speakerOf(channel: Channel): Speaker {
  return {
    send: (address, text, options) =>
      channel.send(address, channel.ownWords?.(text, address) ?? text, options),
    ...(channel.remove ? { remove: (...message) => channel.remove!(...message) } : {}),
  }
}

/** Identifies an account of a platform without revealing its secret. */
function accountOf({ telegram, discord, slack, matrix, email }: ChannelSettings, channel: string): string {
  const accounts: Readonly<Record<PlatformName, string | null | undefined>> = {
    telegram: telegram.botToken?.fingerprint,
    discord: discord.botToken?.fingerprint,
    slack: slack.botToken?.fingerprint,
    matrix: matrix.accessToken?.fingerprint,
    email: email.address,
  }
  return accounts[channel as PlatformName] ?? ''
}
