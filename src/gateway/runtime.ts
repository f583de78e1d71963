import { hostname } from 'node:os'
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
  /** The sign-in and everything that keeps it alive, not started yet. */
  readonly credentials: CredentialParts
  /** Of the process; only commands of alert routes are given a part of it. */
  readonly processEnv: Readonly<NodeJS.ProcessEnv>
  /** The stand-in's switches for the page; null = the provider is a real one. */
  readonly sandbox: SandboxPanel | null
  /** Runs each step of the start by its name. */
  readonly runStep?: RunStep
}

/** What every part of the gateway is given. */
export interface Runtime extends Omit<GatewayOptions, 'runStep'> {
  readonly clock: Clock
  /** Names the machine to people. */
  readonly host: string
  /** Something failed in the background; it is tried again by itself. */
  readonly onProblem: (error: unknown) => void
  readonly lifecycle: Lifecycle
}

export function createRuntime({ runStep, ...options }: GatewayOptions): Runtime {
  return {
    ...options,
    clock: systemClock,
    host: hostname(),
    onProblem: (err) => options.log.error({ err }, 'something went wrong in the background'),
    lifecycle: new Lifecycle(options.log, runStep),
  }
}
