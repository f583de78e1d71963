import { MatrixRooms, type StoredEvent } from './matrix-rooms.ts'

/** A question to `/sync`. */
export interface SyncQuery {
  /** null = the first. */
  readonly since: number | null
  readonly filter: {
    readonly room?: { readonly timeline?: { readonly types?: readonly string[]; readonly limit?: number } }
  }
}

interface Placed {
  readonly event: StoredEvent
  readonly at: number
}

const DEFAULT_LIMIT = 10

/** Whether the answer would contain anything. */
export function hasNews(workspace: MatrixRooms, query: SyncQuery): boolean {
  if (query.since === null) return true
  const { rooms } = syncAnswer(workspace, query)
  return Object.values(rooms).some((part) => Object.keys(part).length > 0)
}

export function syncAnswer(
  workspace: MatrixRooms,
  { since, filter }: SyncQuery,
): {
  readonly next_batch: string
  readonly rooms: Record<'join' | 'invite' | 'leave', Record<string, unknown>>
} {
  const { types, limit = DEFAULT_LIMIT } = filter.room?.timeline ?? {}
  const from = since ?? 0
  const join: Record<string, unknown> = {}
  const invite: Record<string, unknown> = {}
  const leave: Record<string, unknown> = {}
  for (const room of workspace.rooms.values()) {
    const all = eventsOf(workspace, room.id)
    const own = all.filter(({ event }) => event.state_key === MatrixRooms.bot)
    const membership = room.members.get(MatrixRooms.bot)?.membership
    const changed = own.some(({ at }) => at > from)
    if (membership === 'join') {
      const came = own.findLast(({ event }) => event.content['membership'] === 'join')!.at
      // A new member gets the last messages, and all of the room's state.
      const isNew = since === null || came > from
      const shown = all.filter(({ event, at }) => (isNew || at > from) && wanted(event, types))
      if (shown.length === 0 && !isNew) continue
      const timeline = shown.slice(-limit)
      const limited = shown.length > timeline.length
      const state = room.encrypted && isNew ? encryption(all) : []
      join[room.id] = {
        state: { events: state },
        summary: {},
        timeline: {
          events: timeline.map(({ event }) => event),
          limited,
          prev_batch: `t${timeline[0]?.at ?? workspace.position + 1}`,
        },
      }
    } else if (membership === 'invite' && changed) {
      const event = own.at(-1)!.event
      const stripped = [event, ...encryption(all)].map(({ type, sender, state_key, content }) => ({
        type,
        sender,
        state_key,
        content,
      }))
      invite[room.id] = { invite_state: { events: stripped } }
    } else if (membership !== undefined && changed && since !== null) {
      leave[room.id] = {
        timeline: { events: own.filter(({ at }) => at > from).map(({ event }) => event) },
      }
    }
  }
  return { next_batch: `s${workspace.position}`, rooms: { join, invite, leave } }
}

/** A page of a room's history, newest first. */
export function historyAnswer(
  workspace: MatrixRooms,
  roomId: string,
  query: URLSearchParams,
  heedsTo: boolean,
): object {
  const before = boundary(query.get('from'), workspace.position + 1)
  const after = heedsTo ? boundary(query.get('to'), 1) - 1 : 0
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT)
  const filter = JSON.parse(query.get('filter') ?? '{}') as { readonly types?: readonly string[] }
  const left = eventsOf(workspace, roomId)
    .filter(({ event, at }) => at < before && at > after && wanted(event, filter.types))
    .toReversed()
  const page = left.slice(0, limit)
  return {
    start: query.get('from'),
    chunk: page.map(({ event }) => event),
    ...(left.length > page.length ? { end: `t${page.at(-1)!.at}` } : {}),
  }
}

/** `t5`: just before the fifth event; `s5`: just behind it. */
function boundary(token: string | null, otherwise: number): number {
  const match = /^([ts])(\d+)$/.exec(token ?? '')
  if (!match) return otherwise
  return Number(match[2]) + (match[1] === 's' ? 1 : 0)
}

function eventsOf(workspace: MatrixRooms, roomId: string): readonly Placed[] {
  return workspace.stream.flatMap((event, index) =>
    event.room_id === roomId ? [{ event, at: index + 1 }] : [],
  )
}

function encryption(all: readonly Placed[]): readonly StoredEvent[] {
  return all.flatMap(({ event }) => (event.type === 'm.room.encryption' ? [event] : []))
}

function wanted(event: StoredEvent, types: readonly string[] | undefined): boolean {
  return !types || types.includes(event.type)
}
