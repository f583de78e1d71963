import { dirname } from 'node:path'
import { buildRoutes } from '../../alerts/routes/build.ts'
import type { ChatSender } from '../../alerts/routes/chat.ts'
import type { Config } from '../../config/config.ts'
import { parseDotenv } from '../../config/environment/dotenv.ts'
import { readEnvironment } from '../../config/environment/environment.ts'
import { parseConfig } from '../../config/file/load.ts'
import { prepareHome } from '../../config/home/home.ts'
import { loadSettings } from '../../config/settings.ts'
import { ownFiles } from '../../credentials/own/own-store.ts'
import { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import { signInPlace } from '../../storage/sign-in-place.ts'
import { systemClock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { writeFileAtomically } from '../../support/files/private-file.ts'
import type { Secret } from '../../support/secret.ts'
import { paint } from '../terminal/output.ts'
import type { Answers } from './answers.ts'
import type { CurrentSetup } from './current-setup.ts'
import { diffLines, shownLine } from './diff.ts'
import { planFiles, type Files } from './plan-files.ts'

/** The changes to write, validated as a start would validate them. */
export interface SetupPlan {
  readonly files: Files
  readonly answers: Answers
  /** The changes as lines to show; empty = none. */
  readonly shown: readonly string[]
}

/** @throws ConfigurationError if the gateway would refuse to start with the new files */
export async function planSetup(
  current: CurrentSetup,
  answers: Answers,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<SetupPlan> {
  const files = planFiles(current.files, answers)
  const { paths } = current.settings
  const { environment, lookup, problems } = readEnvironment(parseDotenv(files.env), processEnv)
  const known = new Set(current.settings.problems)
  const fresh = problems.map(({ message }) => message).filter((message) => !known.has(message))
  if (fresh.length > 0) throw new ConfigurationError(fresh.join('\n'))
  const { config } = await parseConfig(files.config, paths.config, lookup)
  validateRoutes(config, environment.telegram.botToken !== null, processEnv)
  return {
    files,
    answers,
    shown: [
      ...changedLines(paths.config, current.files.config, files.config),
      ...changedLines(paths.env, current.files.env, files.env),
      ...(answers.signIn.kind === 'api-key'
        ? [paths.credentials, paint('green', `  + API key: ${answers.signIn.key}`)]
        : []),
    ],
  }
}

/** An incomplete route would prevent the next start. @throws ConfigurationError */
function validateRoutes(config: Config, bot: boolean, processEnv: Readonly<NodeJS.ProcessEnv>): void {
  const senders = new Map<string, ChatSender>(bot ? [['telegram', { send: () => Promise.resolve() }]] : [])
  const mail = { address: null, smtp: null }
  buildRoutes({ alerts: config.alerts, homeChannels: [], operators: [], senders, mail, processEnv })
}

function changedLines(path: string, before: string, after: string): string[] {
  const lines = diffLines(before, after).map(({ sign, text }) =>
    paint(sign === '+' ? 'green' : 'red', `  ${sign} ${shownLine(text)}`),
  )
  return lines.length === 0 ? [] : [path, ...lines]
}

/** Writes the plan, each file atomically. Unchanged files are not touched. */
export async function writeSetup(
  current: CurrentSetup,
  { files, answers }: SetupPlan,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<void> {
  const { paths } = current.settings
  prepareHome(paths.home)
  // Secrets first: config.yaml may refer to them.
  if (files.env !== current.files.env) await writeFileAtomically(paths.env, files.env)
  if (files.config !== current.files.config) await writeFileAtomically(paths.config, files.config)
  if (answers.signIn.kind === 'api-key') await storeKey(dirname(paths.config), answers.signIn.key, processEnv)
}

async function storeKey(home: string, key: Secret, processEnv: Readonly<NodeJS.ProcessEnv>): Promise<void> {
  const settings = await loadSettings({ home, processEnv, lenient: true })
  const parts = {
    endpoint: new TokenEndpoint(settings.config.auth.oauth, { clock: systemClock }),
    clock: systemClock,
    onWarning: () => {},
  }
  const place = (await signInPlace(settings)?.(parts)) ?? ownFiles(settings.paths, parts)
  try {
    await place.signIns.signIn({ kind: 'api-key', key })
  } finally {
    await place.close()
  }
}
