import * as clack from '@clack/prompts'
import { EXIT } from '../command.ts'

/** The person cancelled: nothing more is written. */
export class Cancelled extends Error {}

export interface Choice<Value> {
  readonly value: Value
  readonly label: string
  readonly hint?: string
}

/** Asks for one of several choices. @throws Cancelled */
export async function choose<Value extends string>(
  message: string,
  choices: readonly Choice<Value>[],
  initialValue?: Value,
): Promise<Value> {
  const options = choices as Parameters<typeof clack.select<Value>>[0]['options']
  return given(await clack.select<Value>({ message, options, ...(initialValue ? { initialValue } : {}) }))
}

/** @throws Cancelled */
export async function yesOrNo(message: string, initialValue: boolean): Promise<boolean> {
  return given(await clack.confirm({ message, initialValue }))
}

/** @param problem what is wrong with an answer; undefined = nothing. @throws Cancelled */
export async function line(
  message: string,
  placeholder: string,
  problem: (text: string) => string | undefined,
): Promise<string> {
  const validate = (text: string | undefined) => problem((text ?? '').trim())
  return given(await clack.text({ message, placeholder, validate })).trim()
}

/** As `line`, without echoing what is typed. @throws Cancelled */
export async function hidden(
  message: string,
  problem: (text: string) => string | undefined,
): Promise<string> {
  const validate = (text: string | undefined) => problem((text ?? '').trim())
  return given(await clack.password({ message, validate })).trim()
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Shows a spinner while `work` runs; Ctrl-C ends the process. */
export async function during<T>(message: string, work: Promise<T>): Promise<T> {
  const spinner = clack.spinner({ cancelMessage: 'Nothing was changed.' })
  const end = () => process.exit(EXIT.failed)
  // At Ctrl-C the library ends the process with exit code 0.
  const failed = () => (process.exitCode = EXIT.failed)
  process.once('exit', failed)
  for (const signal of SIGNALS) process.once(signal, end)
  spinner.start(message)
  try {
    return await work
  } finally {
    spinner.clear()
    process.removeListener('exit', failed)
    for (const signal of SIGNALS) process.removeListener(signal, end)
  }
}

function given<T>(answer: T): Exclude<T, symbol> {
  if (clack.isCancel(answer)) throw new Cancelled()
  return answer as Exclude<T, symbol>
}
