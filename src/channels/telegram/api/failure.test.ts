import { describe, expect, test } from 'vitest'
import { classifyAnswer, TelegramFailure } from './failure.ts'

describe('an unsuccessful answer of the Bot API', () => {
  test.each([
    [401, 'Unauthorized', 'token'],
    [404, 'Not Found', 'token'],
    [403, 'Forbidden: bot was blocked by the user', 'forbidden'],
    [403, 'Forbidden: bot was kicked from the supergroup chat', 'forbidden'],
    [403, 'Forbidden: user is deactivated', 'forbidden'],
    [409, 'Conflict: terminated by other getUpdates request', 'conflict'],
    [400, 'Bad Request: chat not found', 'gone'],
    [400, 'Bad Request: message to edit not found', 'gone'],
    [400, 'Bad Request: message thread not found', 'gone'],
    [400, 'Bad Request: not enough rights to send text messages to the chat', 'forbidden'],
    [400, 'Bad Request: message is not modified: specified new message content…', 'unchanged'],
    [400, "Bad Request: can't parse entities: Unsupported start tag", 'rejected'],
    [400, 'Bad Request: something new', 'rejected'],
    [429, 'Too Many Requests: retry after 9', 'rate-limited'],
    [500, 'Internal Server Error', 'server'],
  ])('%i %s is "%s"', (error_code, description, kind) => {
    expect(classifyAnswer('sendMessage', { error_code, description }).kind).toBe(kind)
  })

  test('carries what the server asked for', () => {
    const limited = { error_code: 429, description: 'Too Many Requests', parameters: { retry_after: 9 } }
    expect(classifyAnswer('sendMessage', limited).retryAfterMs).toBe(9_000)
    expect(classifyAnswer('sendMessage', { ...limited, parameters: {} }).retryAfterMs).toBe(5_000)
    const moved = { error_code: 400, description: 'Bad Request', parameters: { migrate_to_chat_id: -1001 } }
    expect(classifyAnswer('sendMessage', moved)).toMatchObject({ kind: 'migrated', migratedTo: -1001 })
  })

  test('shows no token that is in its text', () => {
    const failure = new TelegramFailure(
      'network',
      'getFile',
      'GET /file/bot123456:TEST_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x',
    )
    expect(failure.message).not.toContain('TEST_aaaa')
  })
})
