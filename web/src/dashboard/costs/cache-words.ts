/** Why a request has read less from the cache than the one before had left there, as the gateway names it. */
const WORDS: Readonly<Record<string, string>> = {
  'first-request': 'first request of a conversation, or since the gateway started',
  'epoch-new': 'the conversation began',
  'epoch-model': 'the conversation went to another model',
  'epoch-effort': 'another effort was chosen',
  'epoch-thinking': 'the model thinks in another way',
  'epoch-system': 'the system prompt was changed',
  'epoch-tools': 'other tools are offered',
  'epoch-compaction': 'the provider compacted the oldest messages',
  'epoch-trim': 'the oldest messages were left out',
  'epoch-summary': 'the summary of older messages was renewed',
  'epoch-attachments': 'older files are only named now',
  'epoch-history': 'earlier messages are gone',
  'other-model': 'another model was asked',
  expired: 'the pause was longer than the cache lasts',
  'too-short': 'too short to be kept',
  'tool-choice': 'calls of tools were forbidden or allowed again',
  pictures: 'a picture was added or left out',
  replaced: 'the message before was taken back or refused',
  'not-kept': 'the provider kept nothing',
  'not-known': 'the provider names no reason',
  model_changed: 'the provider says that the model has changed',
  system_changed: 'the provider says that the system prompt has changed',
  tools_changed: 'the provider says that the tools have changed',
  messages_changed: 'the provider says that earlier messages have changed',
  previous_message_not_found: 'the provider does not know the request before',
  unavailable: 'the provider cannot say why',
}

/** A reason of a newer gateway by its own name. */
export function cacheReasonWords(reason: string): string {
  return Object.hasOwn(WORDS, reason) ? WORDS[reason]! : reason
}
