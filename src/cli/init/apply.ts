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
import { placeOfSignIns } from '../../storage/own-place.ts'
import { writeFileAtomically } from '../../support/atomic-file.ts'
import { systemClock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import type { Secret } from '../../support/secret.ts'
import { paint } from '../terminal/output.ts'
import type { Answers } from './answers.ts'
import { diffLines, shownLine } from './diff.ts'
import type { Found } from './look-around.ts'
import { planFiles, type Files } from './plan.ts'

/** What would be written, checked as a start would check it. */
export interface Plan {
  readonly files: Files
  readonly answers: Answers
  /** Lines to show; empty = nothing changes. */
  readonly shown: readonly string[]
}

/** @throws ConfigurationError when a start would refuse what the answers make of the files */
export async function plan(
  found: Found,
  answers: Answers,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<Plan> {
  const files = planFiles(found.files, answers)
  const { paths } = found.settings
  const { environment, lookup, problems } = readEnvironment(parseDotenv(files.env), processEnv)
  const known = new Set(found.settings.problems)
  const fresh = problems.map(({ message }) => message).filter((message) => !known.has(message))
  if (fresh.length > 0) throw new ConfigurationError(fresh.join('\n'))
  const { config } = await parseConfig(files.config, paths.config, lookup)
  proveRoutes(config, environment.telegram.botToken !== null, processEnv)
  return {
    files,
    answers,
    shown: [
      ...shownChange(paths.config, found.files.config, files.config),
      ...shownChange(paths.env, found.files.env, files.env),
      ...(answers.signIn.kind === 'api-key'
        ? [paths.credentials, paint('green', `  + an API key: ${answers.signIn.key}`)]
        : []),
    ],
  }
}

/** A route that lacks something refuses the next start: better to hear it now. @throws ConfigurationError */
function proveRoutes(config: Config, bot: boolean, processEnv: Readonly<NodeJS.ProcessEnv>): void {
  const senders = new Map<string, ChatSender>(bot ? [['telegram', { send: () => Promise.resolve() }]] : [])
  const mail = { address: null, smtp: null }
  buildRoutes({ alerts: config.alerts, homeChannels: [], operators: [], senders, mail, processEnv })
}

function shownChange(path: string, before: string, after: string): string[] {
  const lines = diffLines(before, after).map(({ sign, text }) =>
    paint(sign === '+' ? 'green' : 'red', `  ${sign} ${shownLine(text)}`),
  )
  return lines.length === 0 ? [] : [path, ...lines]
}

/** Writes what was shown, each file in one step. A file that does not change is not touched. */
export async function write(
  found: Found,
  { files, answers }: Plan,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<void> {
  const { paths } = found.settings
  prepareHome(paths.home)
  // First the secrets: config.yaml may name them.
  if (files.env !== found.files.env) await writeFileAtomically(paths.env, files.env)
  if (files.config !== found.files.config) await writeFileAtomically(paths.config, files.config)
  if (answers.signIn.kind === 'api-key') await storeKey(dirname(paths.config), answers.signIn.key, processEnv)
}

async function storeKey(home: string, key: Secret, processEnv: Readonly<NodeJS.ProcessEnv>): Promise<void> {
  const settings = await loadSettings({ home, processEnv, lenient: true })
  const parts = {
    endpoint: new TokenEndpoint(settings.config.auth.oauth, { clock: systemClock }),
    clock: systemClock,
    onWarning: () => {},
  }
  const place = (await placeOfSignIns(settings)?.(parts)) ?? ownFiles(settings.paths, parts)
  try {
    await place.signIns.signIn({ kind: 'api-key', key })
  } finally {
    await place.close()
  }
}
