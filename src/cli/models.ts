import { ModelCatalogue } from '../anthropic/models/model-catalogue.ts'
import {
  ModelSettings,
  findModel,
  type ModelInfo,
  type ModelListSource,
} from '../conversation/model-settings.ts'
import type { CredentialParts } from '../credentials/assemble.ts'
import { exitCodeOf } from '../credentials/keeper/status.ts'
import { DAY, MINUTE, SECOND, isoTime, systemClock } from '../support/clock.ts'
import { messageOf } from '../support/errors.ts'
import { createLog } from '../support/log.ts'
import { withCredentials } from './auth/auth-parts.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { localTime, paint, print, printError, printJson, table, type PaintedCell } from './terminal/output.ts'

/** A running gateway asks daily; with an older list this command asks, too. */
const FRESH_MS = DAY

/** Near a token's end, a request for it starts a refresh, which is the gateway's alone to do. */
const LEAST_SECONDS_LEFT = (5 * MINUTE) / SECOND

/** Lists the models of the account with what each can do. */
export function modelsCommand(options: GlobalOptions & { readonly json: boolean }): Promise<ExitCode> {
  return withCredentials(options, async (parts) => {
    const catalogue = await openCatalogue(parts)
    const problem = isFresh(catalogue) ? null : await askProvider(catalogue, parts)
    const { config } = parts.settings
    const settings = new ModelSettings({
      config: config.model,
      overrides: config.overrides,
      models: catalogue,
      warn: printError,
    })
    const { source, fetchedAt, models } = catalogue.current()
    if (options.json)
      printJson({
        items: models.map((model) => item(model, settings)),
        source,
        fetchedAt: isoTime(fetchedAt),
      })
    else printModels(models, settings)
    if (problem !== null)
      printError(
        `${problem.why} ${SHOWN[source]}${source === 'stored' ? ` (${localTime(fetchedAt!)})` : ''}.`,
      )
    for (const model of settings.configured()) {
      if (!findModel(models, model))
        printError(`${model} is configured and not in this list; it is used all the same.`)
    }
    return problem?.code ?? EXIT.ok
  })
}

const SHOWN: Readonly<Record<ModelListSource, string>> = {
  provider: '',
  stored: 'This is the last list that it gave',
  'built-in': 'This is what this version of the program knows, not what your account has',
}

async function openCatalogue({ keeper, settings }: CredentialParts): Promise<ModelCatalogue> {
  const { config, paths } = settings
  const catalogue = new ModelCatalogue({
    baseUrl: config.model.baseUrl,
    userAgent: config.auth.oauth.userAgent,
    headers: {},
    path: paths.models,
    door: keeper,
    keeper,
    clock: systemClock,
    log: await createLog({ level: 'error' }),
    onProblem: (error) => printError(messageOf(error)),
  })
  await catalogue.load()
  return catalogue
}

function isFresh(catalogue: ModelCatalogue): boolean {
  const { fetchedAt } = catalogue.current()
  return fetchedAt !== null && systemClock.now() - fetchedAt < FRESH_MS
}

interface Problem {
  /** A sentence. */
  readonly why: string
  readonly code: ExitCode
}

/** @returns why there is no new list; null = there is one */
async function askProvider(catalogue: ModelCatalogue, { keeper }: CredentialParts): Promise<Problem | null> {
  const { state, secondsLeft } = keeper.snapshot()
  const code = exitCodeOf(state)
  if (code !== EXIT.ok) {
    return { why: 'The provider is not asked for its models: there is no usable sign-in.', code }
  }
  if (secondsLeft !== null && secondsLeft < LEAST_SECONDS_LEFT) {
    const why = 'The provider is not asked for its models: the token in use is over or ends soon.'
    return { why, code: EXIT.unavailable }
  }
  try {
    await catalogue.refresh()
    return null
  } catch (error) {
    const why = `The provider's list of models cannot be had: ${messageOf(error)}.`
    return { why, code: EXIT.unavailable }
  }
}

function item(model: ModelInfo, settings: ModelSettings) {
  const { retiresAt, ...known } = model
  return { ...known, retiresAt: isoTime(retiresAt), default: isDefault(model, settings) }
}

function isDefault(model: ModelInfo, settings: ModelSettings): boolean {
  return settings.models.find(settings.configured()[0]!)?.id === model.id
}

function printModels(models: readonly ModelInfo[], settings: ModelSettings): void {
  const rows = models.map((model): Array<string | PaintedCell> => {
    const { id, name, contextTokens, maxTokens, efforts } = model
    const isChosen = isDefault(model, settings)
    return [
      isChosen ? { style: 'green', text: `${id} *` } : id,
      name,
      thousands(contextTokens),
      thousands(maxTokens),
      efforts === null ? '?' : efforts.join(' ') || 'none',
      endOf(model),
    ]
  })
  print(table([['MODEL', 'NAME', 'CONTEXT', 'ANSWER', 'EFFORT', ''], ...rows]))
  print(
    paint(
      'dim',
      '\n* model.default. Sizes in thousands of tokens. "/model NAME" in a chat chooses another one.',
    ),
  )
}

function endOf({ lifecycle, retiresAt }: ModelInfo): string {
  if (retiresAt !== null) return `retires ${isoTime(retiresAt).slice(0, DATE_LENGTH)}`
  return lifecycle === 'active' ? '' : lifecycle
}

/** `2027-01-22` */
const DATE_LENGTH = 10

function thousands(tokens: number | null): string {
  return tokens === null ? '?' : `${Math.round(tokens / 1_000)}k`
}
