import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Incident } from '../../src/alerts/incident.ts'
import type { TimelineEvent } from '../../src/credentials/timeline.ts'
import { HOURLY, bucketOf, timeFigure } from '../../src/inbox/figures/figure-recorder.ts'
import { openSqliteStorage } from '../../src/storage/sqlite/storage.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'

/** A token of a real account lives so long, and is renewed at two thirds. */
const TOKEN_MS = 8 * HOUR
const RENEWED_MS = 5.3 * HOUR
/** A day and a half is read by the minute, everything before it by the hour. */
const BY_MINUTE_MS = 36 * HOUR

/** Past outages: how long ago they began, and how long they lasted. */
const OUTAGES = [
  { agoMs: 20 * DAY + 3 * HOUR, lastedMs: 3 * HOUR, held: 41, status: 'needs-login', reason: 'revoked' },
  { agoMs: 9 * HOUR, lastedMs: 40 * MINUTE, held: 12, status: 'provider-unavailable', reason: null },
] as const

/** Gives a sandbox's home a month of the life of a small gateway, ending `now`. */
export async function writeHistory(home: string, now: number): Promise<void> {
  const folder = join(home, 'sandbox')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const storage = await openSqliteStorage({ path: join(folder, 'hermes.db'), pullChannels: ['web'] })
  const adds: Array<Promise<void>> = []
  const add = (name: string, at: number, value: number): void => {
    if (value > 0) adds.push(storage.figures.add(name, at, value))
  }
  for (let at = floor(now - 30 * DAY, HOUR); at < now; at += HOUR) {
    // The current hour has not seen all of its messages.
    const busy = Math.round((60 * traffic(at) * Math.min(HOUR, now - at)) / HOUR)
    add(`${HOURLY}accepted`, at, busy)
    add(`${HOURLY}answered`, at, busy)
    for (const [seconds, share] of SPEEDS)
      add(HOURLY + timeFigure(bucketOf(seconds * drift(at))), at, Math.round(busy * share))
  }
  for (let at = floor(now - BY_MINUTE_MS, MINUTE); at < now; at += MINUTE) {
    const messages = Math.round(traffic(at) * (0.4 + 1.2 * noise(at)))
    add('accepted', at, messages)
    add('answered', at, messages)
    for (let message = 0; message < messages; message++) {
      const [seconds] = SPEEDS[Math.floor(noise(at + message) ** 2 * SPEEDS.length)] ?? SPEEDS[0]!
      add(timeFigure(bucketOf(seconds * drift(at))), at, 1)
    }
  }
  for (const { agoMs, lastedMs, held, reason } of OUTAGES) {
    for (let at = 0; at < lastedMs; at += MINUTE)
      add('held', now - agoMs + at, Math.round((held * at) / lastedMs))
    if (reason !== null) add(`${HOURLY}rejections`, now - agoMs, 3)
  }
  for (const event of timeline(now)) {
    if (event.kind !== 'refresh') continue
    add(`${HOURLY}refreshes`, floor(event.at, HOUR), 1)
    add('refreshes', event.at, 1)
  }
  await Promise.all(adds)
  for (const [index, outage] of OUTAGES.entries()) {
    await storage.incidents.save(pastIncident(`past-${index}`, now - outage.agoMs, outage))
  }
  await storage.facts.set('credential.timeline', JSON.stringify(timeline(now)))
  await storage.close()
}

const SPEEDS: ReadonlyArray<readonly [seconds: number, share: number]> = [
  [1.6, 0.3],
  [2.4, 0.35],
  [3.5, 0.2],
  [6, 0.1],
  [14, 0.04],
  [30, 0.01],
]

/** Messages a minute: people sleep, and talk most in the evening. */
function traffic(at: number): number {
  const hour = (at % DAY) / HOUR
  const day = Math.max(0, Math.sin(((hour - 6) / 18) * Math.PI))
  return hour < 6 ? 0.1 : 0.4 + 3.2 * day * (0.75 + 0.5 * noise(Math.floor(at / HOUR)))
}

function drift(at: number): number {
  return 0.8 + 0.5 * noise(Math.floor(at / (3 * HOUR)))
}

/** The same for the same number, so that pictures do not change without a reason. */
function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43_758.5453
  return x - Math.floor(x)
}

function floor(at: number, step: number): number {
  return Math.floor(at / step) * step
}

function pastIncident(id: string, openedAt: number, outage: (typeof OUTAGES)[number]): Incident {
  const { lastedMs, held, status, reason } = outage
  const recovered = openedAt + lastedMs
  return {
    id,
    status,
    reason,
    openedAt,
    closedAt: recovered + 90 * SECOND,
    counts: { held, answered: held, refused: 0, parked: 0 },
    events: [
      {
        at: openedAt,
        kind: 'opened',
        text: status === 'needs-login' ? 'The sign-in was revoked' : 'Claude is not responding',
      },
      { at: openedAt + 2 * SECOND, kind: 'alert', text: 'Alert sent through telegram' },
      ...(lastedMs > HOUR
        ? [{ at: openedAt + HOUR, kind: 'alert', text: 'Alert sent through telegram' } as const]
        : []),
      { at: recovered, kind: 'recovered', text: 'Messages can be answered again' },
      { at: recovered + 90 * SECOND, kind: 'closed', text: `${held} answered, 0 refused, 0 parked` },
    ],
    alertRounds: 1,
    alerted: true,
  }
}

/** A sign-in's tokens over a month, with the outage in which it was revoked. */
function timeline(now: number): TimelineEvent[] {
  const events: TimelineEvent[] = [{ kind: 'started', at: now - 29 * DAY }]
  const revoked = now - OUTAGES[0].agoMs
  const recovered = revoked + OUTAGES[0].lastedMs
  let token = 0
  for (let at = now - 29 * DAY; at < now - 2 * HOUR; at += RENEWED_MS) {
    if (at > revoked - RENEWED_MS && at < recovered) at = recovered
    const fingerprint = (0x3a91_0000 + token++ * 0x1357).toString(16)
    if (token > 1) events.push({ kind: 'refresh', at, outcome: 'renewed' })
    events.push({ kind: 'token', at, fingerprint, source: 'own', expiresAt: at + TOKEN_MS })
  }
  events.push(
    { kind: 'rejection', at: revoked, until: revoked + SECOND, count: 3 },
    { kind: 'state', at: revoked, state: 'needs-login', reason: 'revoked', usable: false },
    { kind: 'state', at: recovered, state: 'healthy', reason: null, usable: true },
  )
  return events.sort((a, b) => a.at - b.at)
}
