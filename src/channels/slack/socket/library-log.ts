import type { Logger, LogLevel } from '@slack/web-api'
import type { Log } from '../../../support/log.ts'

/**
 * The ear for what Slack's libraries log. They would print every request and every event word for
 * word at `debug`, so only their warnings and errors are passed on, and only at our `debug`: what
 * they mean for the operator is said by the channel's status. The log redacts every line.
 */
export function libraryLog(log: Log): Logger {
  const pass = (...words: unknown[]) => log.debug({ channel: 'slack' }, words.map(String).join(' '))
  const drop = () => {}
  return {
    debug: drop,
    info: drop,
    warn: pass,
    error: pass,
    setLevel: drop,
    getLevel: () => 'warn' as LogLevel,
    setName: drop,
  }
}
