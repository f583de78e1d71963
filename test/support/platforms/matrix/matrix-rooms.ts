/** What the homeserver of the tests knows: rooms, who is in them, and everything that happened, in one order. */

export type Content = Readonly<Record<string, unknown>>

export interface StoredEvent {
  readonly type: string
  readonly event_id: string
  readonly room_id: string
  readonly sender: string
  readonly origin_server_ts: number
  content: Content
  readonly state_key?: string
  readonly redacts?: string
  unsigned?: Record<string, unknown>
}

interface Member {
  readonly membership: string
  readonly name: string
}

interface RoomState {
  readonly id: string
  readonly members: Map<string, Member>
  name?: string
  encrypted: boolean
}

/** A message as a reader sees it now. */
export interface ShownMessage {
  readonly id: string
  readonly roomId: string
  readonly threadRoot: string | null
  text: string
  html: string | null
  readonly content: Content
}

export class MatrixRooms {
  static readonly bot = '@hermes:test'
  readonly rooms = new Map<string, RoomState>()
  /** Positions in the stream are places in this list, from 1. */
  readonly stream: StoredEvent[] = []
  readonly typing: string[] = []
  onChange: () => void = () => {}
  #count = 0

  get position(): number {
    return this.stream.length
  }

  /** A room in which these people are, and the bot unless it is to be invited first. */
  openRoom(roomId: string, people: readonly string[], options: { readonly withBot?: boolean } = {}): string {
    this.rooms.set(roomId, { id: roomId, members: new Map(), encrypted: false })
    const [creator = MatrixRooms.bot] = people
    this.push(roomId, 'm.room.create', creator, {}, { stateKey: '' })
    for (const person of people) this.setMember(roomId, person, 'join')
    if (options.withBot ?? true) this.setMember(roomId, MatrixRooms.bot, 'join')
    return roomId
  }

  setMember(roomId: string, userId: string, membership: string, by = userId): string {
    const room = this.rooms.get(roomId)!
    const before = room.members.get(userId)
    const name = nameOf(userId)
    room.members.set(userId, { membership, name })
    const content = { membership, displayname: name }
    return this.push(roomId, 'm.room.member', by, content, {
      stateKey: userId,
      ...(before ? { unsigned: { prev_content: { membership: before.membership } } } : {}),
    })
  }

  invite(roomId: string, by: string, userId = MatrixRooms.bot): string {
    return this.setMember(roomId, userId, 'invite', by)
  }

  encrypt(roomId: string, by: string): string {
    this.rooms.get(roomId)!.encrypted = true
    return this.push(roomId, 'm.room.encryption', by, { algorithm: 'm.megolm.v1.aes-sha2' }, { stateKey: '' })
  }

  say(roomId: string, sender: string, body: string, extra: Content = {}): string {
    return this.push(roomId, 'm.room.message', sender, { msgtype: 'm.text', body, ...extra })
  }

  edit(roomId: string, sender: string, eventId: string, body: string, extra: Content = {}): string {
    return this.say(roomId, sender, `* ${body}`, {
      'm.new_content': { msgtype: 'm.text', body, ...extra },
      'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
    })
  }

  /** Deletes a message: its content is gone, and an event reports it. */
  redact(roomId: string, sender: string, eventId: string): string {
    const id = this.push(roomId, 'm.room.redaction', sender, { redacts: eventId }, { redacts: eventId })
    const target = this.stream.find((event) => event.event_id === eventId)
    if (target) {
      target.content = {}
      target.unsigned = { redacted_because: { event_id: id } }
    }
    return id
  }

  push(
    roomId: string,
    type: string,
    sender: string,
    content: Content,
    options: {
      readonly stateKey?: string
      readonly unsigned?: Record<string, unknown>
      readonly redacts?: string
      readonly id?: string
    } = {},
  ): string {
    const id = options.id ?? `$event${++this.#count}_of_the_stand_in`
    this.stream.push({
      type,
      event_id: id,
      room_id: roomId,
      sender,
      origin_server_ts: 1_760_000_000_000 + this.#count,
      content,
      ...(options.stateKey === undefined ? {} : { state_key: options.stateKey }),
      ...(options.unsigned ? { unsigned: options.unsigned } : {}),
      ...(options.redacts ? { redacts: options.redacts } : {}),
    })
    this.onChange()
    return id
  }

  /** The same event once more, as a server that lost its place would deliver it. */
  again(eventId: string): void {
    const event = this.stream.find((known) => known.event_id === eventId)!
    this.stream.push(event)
    this.onChange()
  }

  event(roomId: string, eventId: string): StoredEvent | null {
    return this.stream.find((event) => event.event_id === eventId && event.room_id === roomId) ?? null
  }

  /** Reactions to an event that were not removed, of anybody. */
  annotations(roomId: string, eventId: string): readonly StoredEvent[] {
    return this.stream.filter(
      (event) =>
        event.room_id === roomId &&
        event.type === 'm.reaction' &&
        annotationOf(event)['event_id'] === eventId,
    )
  }

  /** What the bot reacts to an event with, in its order. */
  reactions(roomId: string, eventId: string): readonly string[] {
    return this.annotations(roomId, eventId)
      .filter(({ sender }) => sender === MatrixRooms.bot)
      .map(keyOf)
  }

  isJoined(roomId: string, userId = MatrixRooms.bot): boolean {
    return this.rooms.get(roomId)?.members.get(userId)?.membership === 'join'
  }

  /** The bot's messages as a reader sees them now, oldest first. */
  shown(roomId?: string): readonly ShownMessage[] {
    const messages = new Map<string, ShownMessage>()
    for (const event of new Set(this.stream)) {
      if (event.sender !== MatrixRooms.bot || event.type !== 'm.room.message') continue
      if (roomId !== undefined && event.room_id !== roomId) continue
      const relation = (event.content['m.relates_to'] ?? {}) as Record<string, unknown>
      if (relation['rel_type'] === 'm.replace') {
        const message = messages.get(String(relation['event_id']))
        const content = event.content['m.new_content'] as Content
        if (message) Object.assign(message, wordsOf(content))
      } else if ('body' in event.content) {
        messages.set(event.event_id, {
          id: event.event_id,
          roomId: event.room_id,
          threadRoot: relation['rel_type'] === 'm.thread' ? String(relation['event_id']) : null,
          content: event.content,
          ...wordsOf(event.content),
        })
      }
    }
    return [...messages.values()]
  }
}

function annotationOf({ content }: StoredEvent): Content {
  return (content['m.relates_to'] ?? {}) as Content
}

export function keyOf(event: StoredEvent): string {
  return String(annotationOf(event)['key'])
}

function wordsOf(content: Content): { text: string; html: string | null } {
  const html = content['formatted_body']
  return { text: String(content['body']), html: typeof html === 'string' ? html : null }
}

export function nameOf(userId: string): string {
  const name = userId.slice(1, userId.indexOf(':'))
  return name.charAt(0).toUpperCase() + name.slice(1)
}
