import type { BotFixture } from './bot-fixture.ts'

/** Everybody of a story has a private chat with the bot; the operator has one that is named as home channel. */
export const OPERATOR = 900

export interface Crowd {
  readonly people: readonly number[]
  /** Messages of each person so far. */
  said: number
}

export function crowdOf(size: number): Crowd {
  return { people: Array.from({ length: size }, (_, index) => 1_001 + index), said: 0 }
}

/** Each person says `count` more messages, all at about the same time. */
export function everybodySays(fixture: BotFixture, crowd: Crowd, count: number): void {
  for (let index = 0; index < count; index++) {
    crowd.said++
    for (const person of crowd.people) fixture.telegram.say(person, question(person, crowd.said))
  }
}

/** Resolves when every message that was said has been accepted durably. */
export async function everythingAccepted(fixture: BotFixture): Promise<void> {
  await fixture.until(() => fixture.telegram.unconfirmed === 0, 'the acceptance of what was said', 60_000)
}

/** Resolves when every message of everybody has its answer. */
export async function everybodyAnswered(fixture: BotFixture, crowd: Crowd): Promise<void> {
  await fixture.until(
    () => crowd.people.every((person) => answeredOf(fixture, person).includes(crowd.said)),
    'the answers',
    120_000,
  )
}

/** The numbers of the messages that the person was answered, in the order of the chat. */
export function answeredOf(fixture: BotFixture, person: number): number[] {
  return fixture
    .shown(person)
    .filter((text) => text.includes('Echo:'))
    .flatMap((text) => [...text.matchAll(new RegExp(`question (\\d+) of ${person}`, 'g'))])
    .map((match) => Number(match[1]))
}

/** What the person read in addition to answers. */
export function noticesOf(fixture: BotFixture, person: number): string[] {
  return fixture.shown(person).filter((text) => !text.includes('Echo:'))
}

export function inOrder(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** Words that only a provider, a program or a stack would say. */
const FOREIGN = [
  'oauth',
  'token',
  'authentication',
  'credential',
  'error',
  'invalid',
  'anthropic',
  '401',
  '403',
  '429',
  '500',
  'req_',
]

/** Sentences in the people's chats that are none of ours. */
export function foreignTexts(fixture: BotFixture, crowd: Crowd): string[] {
  return crowd.people
    .flatMap((person) => noticesOf(fixture, person))
    .filter((text) => FOREIGN.some((word) => text.toLowerCase().includes(word)))
}

function question(person: number, number: number): string {
  return `question ${number} of ${person}`
}
