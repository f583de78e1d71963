import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Person } from '../../conversation/receiver.ts'
import { SECOND, type Clock } from '../../support/clock.ts'
import { unauthorized, type Principal } from '../access/auth.ts'
import { expectedProblem, HttpProblem, json, type RequestContext } from '../answers.ts'
import { MAX_UPLOAD_BYTES, readJson } from '../body.ts'
import type { Endpoint, EndpointParts } from '../routes.ts'
import { admit, type Admitted } from './admission.ts'
import { bodyDigest } from './body-digest.ts'
import { OpenRequest } from './open-request.ts'
import { invalid, ParameterProblem } from './problem.ts'
import { contradiction, StreamedReply, WholeReply, type Reply } from './reply.ts'
import { readCompletionRequest, type CompletionRequest } from './request.ts'
import type { CompletionServices } from './service.ts'
import { modelItem, type Head } from './wire.ts'

/** A client's own name for a request; printable, so that it can be searched for. */
const KEY = /^[\x20-\x7e]{1,255}$/

/**
 * The endpoint for programs that use OpenAI's protocol: front ends, editors, scripts.
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export function completionEndpoint(services: CompletionServices): Endpoint {
  return (parts) => {
    const { routes, clock } = parts
    const open = new Set<OpenRequest>()
    const startedAt = Math.floor(clock.now() / SECOND)

    // Some clients join an address that ends in a slash with an empty name.
    for (const path of ['/v1/models', '/v1/models/'])
      routes.guarded('chat', 'GET', path, () =>
        json<object>(200, { object: 'list', data: services.models.map((id) => modelItem(id, startedAt)) }),
      )

    routes.guarded('chat', 'GET', '/v1/models/:id', (c) => {
      const id = c.req.param('id') ?? ''
      if (!services.models.includes(id))
        throw new ParameterProblem(404, 'model_not_found', 'Unknown model.', 'model')
      return json<object>(200, modelItem(id, startedAt))
    })

    for (const path of ['/v1/chat/completions', '/v1/chat/completions/'])
      routes.guarded('chat', 'POST', path, (c, principal) => complete(services, parts, open, c, principal))

    return {
      close() {
        for (const request of open)
          request.fail(
            new HttpProblem(503, 'stopping', 'The gateway is restarting. Please retry.', {
              'Retry-After': '5',
            }),
          )
      },
    }
  }
}

async function complete(
  services: CompletionServices,
  { streams, clock, log }: EndpointParts,
  open: Set<OpenRequest>,
  c: RequestContext,
  { person, client, isValid }: Principal,
): Promise<Response> {
  const { admitted, model, stream, includeUsage } = await readAndAdmit(services, c, person, clock)
  const head: Head = {
    id: `chatcmpl-${admitted.messageId}`,
    created: Math.floor(clock.now() / SECOND),
    model,
  }
  const outgoing = outgoingOf(c)
  const abandon = (problem: HttpProblem) =>
    void waiting
      .abandon(problem)
      .catch((err: unknown) => log.debug({ err }, 'a request could not be abandoned'))
  let reply: Reply
  if (stream) {
    if (!outgoing) throw new HttpProblem(400, 'bad-request', 'This connection cannot be streamed to.')
    const onContradiction = () => abandon(contradiction())
    reply = new StreamedReply({
      streams,
      // Answers are not among the streams that a client may leave open.
      reader: { client: `${client}/v1`, isAllowed: isValid },
      outgoing,
      head,
      includeUsage,
      clock,
      onContradiction,
    })
  } else reply = new WholeReply(outgoing, head, clock)
  const waiting = new OpenRequest(services, admitted, reply, clock)
  open.add(waiting)
  outgoing?.once('close', () => {
    // Nobody reads it: the client has disconnected.
    if (!outgoing.writableFinished)
      abandon(new HttpProblem(499, 'client-gone', 'The client has disconnected.'))
  })
  try {
    const answer = await waiting.answer
    // The token may have been revoked since then.
    if (!isValid()) throw unauthorized()
    return reply.finish(answer) ?? RESPONSE_ALREADY_SENT
  } catch (error) {
    if (!reply.begun) throw error
    const expected = expectedProblem(error)
    if (!expected) log.error({ err: error }, 'a request could not be answered')
    reply.fail(expected ?? new HttpProblem(500, 'internal', 'Internal error. The log has the details.'))
    return RESPONSE_ALREADY_SENT
  } finally {
    reply.stop()
    open.delete(waiting)
  }
}

/** Apart, so that a request of 20 MB is not kept in memory while its answer is waited for. */
async function readAndAdmit(
  services: CompletionServices,
  c: RequestContext,
  person: Person,
  clock: Clock,
): Promise<{ readonly admitted: Admitted } & Pick<CompletionRequest, 'model' | 'stream' | 'includeUsage'>> {
  const key = idempotencyKey(c)
  const body = await readJson(c, MAX_UPLOAD_BYTES)
  const request = readCompletionRequest(body, services.models)
  const digest = await bodyDigest(body)
  const hold = c.req.header('x-hermes-hold')?.toLowerCase() === 'true'
  const admitted = await admit(services, { request, digest, person, key, hold }, clock.now())
  const { model, stream, includeUsage } = request
  return { admitted, model, stream, includeUsage }
}

function idempotencyKey(c: RequestContext): string | null {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (!KEY.test(key)) throw invalid('Idempotency-Key', 'It must be 1 to 255 printable ASCII characters.')
  return key
}

function outgoingOf(c: RequestContext): ServerResponse | null {
  const outgoing = c.env?.outgoing
  return outgoing && 'writeHead' in outgoing && !('stream' in outgoing) ? outgoing : null
}
