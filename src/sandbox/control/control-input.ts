import { z } from 'zod'
import {
  faultName,
  MESSAGE_FAULTS,
  TOKEN_FAULTS,
  type Fault,
  type FaultTarget,
} from '../faults/fault-names.ts'
import type { AnswerPlan, SignInOptions } from '../types.ts'

/** An invalid request to the control API; the message says why. */
export class BadControlRequest extends Error {}

const duration = z.number().min(0)
const target = z.enum(['token-endpoint', 'messages'])

const common = {
  fault: z.string(),
  forMs: duration.optional(),
  times: z.int().min(1).optional(),
  delayMs: duration.optional(),
  delayStepMs: duration.optional(),
  fingerprint: z.string().optional(),
  status: z.int().min(200).max(599).optional(),
  retryAfter: z.union([z.string(), z.number()]).optional(),
}

const faultSchema = z.discriminatedUnion('target', [
  z.strictObject({
    target: z.literal('token-endpoint'),
    ...common,
    rotate: z.boolean().optional(),
    grant: z.enum(['authorization_code', 'refresh_token']).optional(),
    userAgent: z.string().optional(),
    expiresIn: z.unknown().optional(),
    fields: z.array(z.string()).optional(),
    location: z.string().optional(),
    everyMs: z.number().min(1).optional(),
  }),
  z.strictObject({
    target: z.literal('messages'),
    ...common,
    credential: z.enum(['oauth', 'api-key']).optional(),
    resetInMs: duration.optional(),
    afterDeltas: z.int().min(0).optional(),
    errorType: z.string().optional(),
  }),
])

const planSchema = z.strictObject({
  style: z
    .union([
      z.enum(['friendly', 'echo']),
      z.strictObject({ text: z.string() }),
      z.strictObject({ bytes: z.int().min(1) }),
    ])
    .optional(),
  delayMs: duration.optional(),
  deltaDelayMs: duration.optional(),
  wordsPerDelta: z.int().min(1).optional(),
  stopReason: z.string().min(1).max(100).optional(),
  thinks: z.boolean().optional(),
})

const signInSchema = z.strictObject({
  accountId: z.string().optional(),
  email: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  tokenLifetimeSeconds: duration.optional(),
  refreshTokenLifetimeSeconds: duration.optional(),
})

const approvalSchema = z.strictObject({
  authorizeUrl: z.string(),
  accountId: z.string().optional(),
  email: z.string().optional(),
})

export interface Approval {
  readonly authorizeUrl: string
  readonly approver: Pick<SignInOptions, 'accountId' | 'email'>
}

/** @throws BadControlRequest, as all of these do */
export function readFault(body: unknown): Fault {
  const input = read(faultSchema, body)
  const fault = faultName(input.target, input.fault)
  if (fault) return { ...input, fault } as Fault
  const names = Object.keys(input.target === 'messages' ? MESSAGE_FAULTS : TOKEN_FAULTS)
  throw new BadControlRequest(`fault must be one of: ${names.join(', ')}`)
}

export function readTarget(body: unknown): FaultTarget | undefined {
  return read(z.strictObject({ target: target.optional() }), body).target
}

export function readPlan(body: unknown): Partial<AnswerPlan> {
  return { ...(read(planSchema, body) as Partial<AnswerPlan>), reply: null }
}

export function readSignIn(body: unknown): SignInOptions {
  return read(signInSchema, body) as SignInOptions
}

export function readAccount(body: unknown): string | undefined {
  return read(z.strictObject({ accountId: z.string().optional() }), body).accountId
}

export function readApproval(body: unknown): Approval {
  const { authorizeUrl, ...approver } = read(approvalSchema, body)
  return { authorizeUrl, approver: approver as Approval['approver'] }
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw new BadControlRequest(z.prettifyError(result.error))
}
