/** How a platform names people: the one place that knows. Names change hands, so only ids are accepted. */
interface PersonIds {
  readonly form: RegExp
  /** What is expected, with an example. */
  readonly words: string
}

export const PERSON_IDS = {
  telegram: { form: /^\d+$/, words: 'a numeric id, such as telegram:12345' },
  discord: { form: /^\d+$/, words: 'a numeric id, such as discord:112233445566778899' },
  slack: { form: /^[UW][A-Z0-9]+$/, words: 'a member ID, such as slack:U012AB3CD' },
  matrix: { form: /^@[^\s:]+:\S+$/, words: 'a user id, such as matrix:@ada:example.org' },
  email: { form: /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/, words: 'a mail address, such as email:ada@example.org' },
} as const satisfies Readonly<Record<string, PersonIds>>

/** The chat platforms. What must be known of each is typed by this, so that a new one is missed nowhere. */
export type PlatformName = keyof typeof PERSON_IDS

/** Is this the id of a person on any platform? */
export function isPersonId(id: string): boolean {
  return Object.values(PERSON_IDS).some(({ form }) => form.test(id))
}

/** `telegram:12345` and its like, as a pattern for editors. */
export const NAMED_PERSON = `^(${Object.entries(PERSON_IDS)
  .map(([channel, { form }]) => `${channel}:${form.source.slice(1, -1)}`)
  .join('|')})$`

/** Why `telegram:12345` names nobody, as the end of a sentence; null = it does. */
export function personProblem(named: string): string | null {
  const colon = named.indexOf(':')
  const channel = named.slice(0, Math.max(0, colon))
  if (!Object.hasOwn(PERSON_IDS, channel)) return 'expected a channel and a user id, such as telegram:12345'
  const { form, words } = PERSON_IDS[channel as keyof typeof PERSON_IDS]
  return form.test(named.slice(colon + 1)) ? null : `expected ${words}`
}
