/** An event as the client-server API shows it. Everything in it was written by others. */
export interface MatrixEvent {
  readonly type: string
  readonly event_id: string
  readonly sender: string
  readonly content: Readonly<Record<string, unknown>>
  readonly state_key?: string
  readonly redacts?: unknown
  readonly unsigned?: unknown
}

/** In the place of a position: the newest end of a room's history. */
export const NEWEST = ''

/** What a room's timeline brought since the last answer. */
export interface Timeline {
  readonly events: readonly MatrixEvent[]
  /** There is more between the last answer and these. */
  readonly limited: boolean
  /** Where the history before them begins; null = there is none. */
  readonly before: string | null
}

/** One answer of `/sync`, of which only the shape was checked. */
export interface SyncAnswer {
  readonly next: string
  readonly joined: ReadonlyMap<
    string,
    { readonly timeline: Timeline; readonly state: readonly MatrixEvent[] }
  >
  /** Rooms to which the bot is invited, with what may be seen of them. */
  readonly invited: ReadonlyMap<string, readonly MatrixEvent[]>
  readonly left: ReadonlyMap<string, readonly MatrixEvent[]>
}

/** The kinds of event that are asked for. @see https://spec.matrix.org/latest/client-server-api/#filtering */
const TIMELINE_TYPES = [
  'm.room.message',
  'm.room.encrypted',
  'm.room.redaction',
  'm.room.member',
  'm.room.encryption',
  'm.sticker',
  'm.poll.start',
  'org.matrix.msc3381.poll.start',
] as const

/** How much of each room an answer shows: `none` only tells the position, and who invites the bot. */
export type Detail = 'events' | 'newest' | 'none'

/** Events of one room in one answer; older ones are fetched from its history. */
const TIMELINE_LIMITS = { events: 100, newest: 1, none: 1 }

export const EVENT_FILTER = JSON.stringify({ types: TIMELINE_TYPES })

export function syncFilter(detail: Detail): string {
  const none = detail === 'none'
  return JSON.stringify({
    presence: { types: [] },
    account_data: { types: [] },
    room: {
      account_data: { types: [] },
      ephemeral: { types: [] },
      state: { types: none ? [] : ['m.room.encryption'], lazy_load_members: true },
      timeline: { types: none ? [] : TIMELINE_TYPES, limit: TIMELINE_LIMITS[detail] },
    },
  })
}

/** @returns null for what is no answer of `/sync` */
export function readSync(body: unknown): SyncAnswer | null {
  const answer = recordOf(body)
  const next = answer['next_batch']
  if (typeof next !== 'string' || next === '') return null
  const rooms = recordOf(answer['rooms'])
  return {
    next,
    joined: mapOf(rooms['join'], (room) => ({
      timeline: timelineOf(room['timeline']),
      state: eventsOf(recordOf(room['state'])['events']),
    })),
    // Stripped events have no id of their own.
    invited: mapOf(rooms['invite'], (room) => eventsOf(recordOf(room['invite_state'])['events'], true)),
    left: mapOf(rooms['leave'], (room) => timelineOf(room['timeline']).events),
  }
}

/** @returns null for what is no page of a room's history */
export function readPage(
  body: unknown,
): { readonly events: readonly MatrixEvent[]; readonly end: string | null } | null {
  const page = recordOf(body)
  if (!Array.isArray(page['chunk'])) return null
  return { events: eventsOf(page['chunk']), end: textOf(page, 'end') }
}

function timelineOf(value: unknown): Timeline {
  const timeline = recordOf(value)
  return {
    events: eventsOf(timeline['events']),
    limited: timeline['limited'] === true,
    before: textOf(timeline, 'prev_batch'),
  }
}

function eventsOf(value: unknown, stripped = false): readonly MatrixEvent[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((event: unknown) => {
    const read = eventOf(stripped ? { event_id: '', ...recordOf(event) } : event)
    return read ? [read] : []
  })
}

/** @returns null for what has not the shape of an event */
export function eventOf(value: unknown): MatrixEvent | null {
  const event = recordOf(value)
  const { type, event_id: id, sender, content } = event
  const shaped = [type, id, sender].every((field) => typeof field === 'string')
  return shaped && isRecord(content) ? (event as unknown as MatrixEvent) : null
}

/** The bot's own membership that this event sets; null: it does not. */
export function membershipOf(event: MatrixEvent, userId: string): string | null {
  if (event.type !== 'm.room.member' || event.state_key !== userId) return null
  return textOf(event.content, 'membership')
}

/** A text below `key`; null: there is none. */
export function textOf(value: Readonly<Record<string, unknown>>, key: string): string | null {
  const found = value[key]
  return typeof found === 'string' ? found : null
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapOf<T>(
  value: unknown,
  read: (room: Readonly<Record<string, unknown>>) => T,
): ReadonlyMap<string, T> {
  return new Map(
    Object.entries(recordOf(value))
      .filter(([id]) => id.startsWith('!'))
      .map(([id, room]) => [id, read(recordOf(room))]),
  )
}
