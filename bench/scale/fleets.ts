import { simulate, type Fleet, type ServiceTimes, type Traffic } from './simulation.ts'

/** A person writes ten messages a day, three times as often in the busiest hour as on average. */
const MESSAGES_A_DAY = 10
const PEAK = 3
const DAY_SECONDS = 86_400
/** What a model takes for an answer of a few hundred tokens. */
const MODEL_SECONDS = 6
/** No kind of station works more than this share of the time at the peak: queues grow steeply beyond it. */
const BUSY_AT_MOST = 0.6
const DATABASE_CORES = 8
/** Messages a second that one bot may send on Telegram; other platforms are in the same range. */
const BOT_RATE = 30
const RUN_SECONDS = 240
const OUTAGE_SECONDS = 30

/** Messages a second from which on many share a transaction, as they do where conversations never pause. */
const SHARED_FROM = 100

const CONVERSATIONS = [1_000, 10_000, 100_000, 1_000_000] as const

/**
 * How many of everything it takes, by the measured times, and what a message meets there.
 *
 * @param alone what a message costs that shares its transactions with few
 * @param shared what it costs where it shares them with many
 */
export function simulateFleets(alone: ServiceTimes, shared: ServiceTimes): void {
  console.log(
    `a fleet on paper: ${MESSAGES_A_DAY} messages a day each, the busiest hour, no station over ${BUSY_AT_MOST * 100} %`,
  )
  for (const conversations of CONVERSATIONS) {
    const perSecond = (conversations * MESSAGES_A_DAY * PEAK) / DAY_SECONDS
    const times = perSecond < SHARED_FROM ? alone : shared
    const fleet = sized(perSecond, times)
    const traffic: Traffic = {
      perSecond,
      seconds: RUN_SECONDS,
      modelSeconds: MODEL_SECONDS,
      outageSeconds: 0,
    }
    const { addedP50, addedP99 } = simulate(fleet, times, traffic)
    const broken = simulate(fleet, times, { ...traffic, outageSeconds: OUTAGE_SECONDS })
    const { partitions, ingress, workers, providerSlots, platformRate } = fleet
    console.log(
      `  ${conversations.toLocaleString('en').padStart(9)} conversations, ${perSecond.toFixed(1)} messages/s: ` +
        `${partitions} database(s), ${ingress} ingress, ${workers} worker(s), ${Math.ceil(platformRate / BOT_RATE)} bot(s), ` +
        `${providerSlots} calls at once; added p50 ${ms(addedP50)}, p99 ${ms(addedP99)}; ` +
        `after ${OUTAGE_SECONDS} s without the provider drained in ${broken.drainedAfter?.toFixed(0) ?? '–'} s`,
    )
  }
}

function sized(perSecond: number, times: ServiceTimes): Fleet {
  const needed = (seconds: number) => Math.max(1, Math.ceil((perSecond * seconds) / BUSY_AT_MOST))
  return {
    partitions: Math.ceil(needed(times.database) / DATABASE_CORES),
    databaseCores: DATABASE_CORES,
    ingress: needed(times.ingress),
    workers: needed(times.worker),
    // The lognormal spread makes the mean a fifth longer than the median.
    providerSlots: needed(MODEL_SECONDS * 1.2),
    platformRate: Math.ceil(perSecond / BUSY_AT_MOST / BOT_RATE) * BOT_RATE,
  }
}

function ms(seconds: number): string {
  return `${(seconds * 1_000).toFixed(1)} ms`
}
