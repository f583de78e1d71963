import type { InboundEvent, Receiver } from '../../conversation/receiver.ts'
import type { Accepted } from '../../inbox/arrival.ts'

export interface ArrivalObserver {
  /** Before an event is handed over, as it comes from the platform. */
  readonly before?: (item: InboundEvent) => void
  /** It is stored. `event` is what an unread message turned out to be, where it was read. */
  readonly after: (channel: string, event: InboundEvent, accepted: Accepted) => void
}

/** A receiver whose arrivals are observed. It changes nothing about them. */
export function observeArrivals(receiver: Receiver, { before, after }: ArrivalObserver): Receiver {
  return {
    async receive(channel, items, ...more) {
      const events: InboundEvent[] = [...items]
      const handed = items.map((item, index) => {
        before?.(item)
        if (item.kind !== 'unread') return item
        const read = async () => {
          const event = await item.read()
          if (event !== null) events[index] = event
          return event
        }
        return { ...item, read }
      })
      const accepted = await receiver.receive(channel, handed, ...more)
      for (const [index, result] of accepted.entries()) after(channel, events[index]!, result)
      return accepted
    },
    mayTalk: (...who) => receiver.mayTalk(...who),
  }
}
