import type { ChannelSettings } from './channels.ts'
import type { Config } from './config.ts'
import type { Environment } from './environment.ts'
import type { HomePaths } from './home.ts'

/** Everything a start needs to know, read once and checked. */
export interface Settings {
  readonly paths: HomePaths
  /** With what wins over the file already applied: ANTHROPIC_BASE_URL, `--port`. */
  readonly config: Config
  readonly environment: Environment
  /** The channels as they are to run: file and environment merged. */
  readonly channels: ChannelSettings
  /** True in the sandbox: loopback only, marked tokens. */
  readonly sandbox: boolean
  /** Sentences for the log at start. */
  readonly warnings: readonly string[]
  /** Keys of Hermes Agent's configuration that mean nothing here (already one of the warnings). */
  readonly ignoredKeys: readonly string[]
  /** What would refuse a start; empty unless `lenient` was asked for. */
  readonly problems: readonly string[]
}
