import { hostname } from 'node:os'
import type { Tool } from '../agent/tool.ts'
import type { Settings } from '../config/settings.ts'
import type { CredentialParts } from '../credentials/assemble.ts'
import type { SandboxPanel } from '../http/api/services.ts'
import type { Role } from '../inbox/fleet/fleet.ts'
import { systemClock, type Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import { Lifecycle, type RunStep } from './lifecycle.ts'

export interface GatewayOptions {
  readonly settings: Settings
  /** Other than `all` only where several gateways work on one PostgreSQL. */
  readonly role: Role
  readonly log: Log
  /** The credential keeper and its stores, not started yet. */
  readonly credentials: CredentialParts
  /** Of the process; only alert commands get a part of it. */
  readonly processEnv: Readonly<NodeJS.ProcessEnv>
  /** The simulator's controls for the page; null = the provider is real. */
  readonly sandbox: SandboxPanel | null
  /** What the model may call; absent: nothing. */
  readonly tools?: readonly Tool[]
  /** Runs each step of the start by its name. */
  readonly runStep?: RunStep
}

/** Dependencies of every part of the gateway. */
export interface Runtime extends Omit<GatewayOptions, 'runStep'> {
  readonly clock: Clock
  /** The machine's name, for people. */
  readonly host: string
  /** A background failure, which is retried automatically. */
  readonly onProblem: (error: unknown) => void
  readonly lifecycle: Lifecycle
}

export function createRuntime({ runStep, ...options }: GatewayOptions): Runtime {
  return {
    ...options,
    clock: systemClock,
    host: hostname(),
    onProblem: (err) => options.log.error({ err }, 'a background task failed'),
    lifecycle: new Lifecycle(options.log, runStep),
  }
}
