import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { withStorage } from './context.ts'
import { duration, print, printError, printJson, table } from './terminal/output.ts'

export async function pairingListCommand(
  options: GlobalOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const now = Date.now()
  const found = await withStorage(options, async ({ pairings }) => ({
    pending: await pairings.pending(now),
    approved: await pairings.approved(),
  }))
  if (options.json) {
    // The code itself is only for the person who was shown it and the operator who is told it.
    printJson({
      items: [
        ...(found?.pending ?? []).map((person) => ({
          state: 'pending',
          channel: person.channel,
          user: person.personId,
          name: person.personName,
          at: new Date(person.createdAt).toISOString(),
          expiresAt: new Date(person.expiresAt).toISOString(),
        })),
        ...(found?.approved ?? []).map((person) => ({
          state: 'approved',
          channel: person.channel,
          user: person.personId,
          name: person.personName,
          at: new Date(person.at).toISOString(),
        })),
      ],
    })
    return EXIT.ok
  }
  if (!found) return EXIT.failed
  if (found.pending.length + found.approved.length === 0) {
    print('Nobody has asked, and nobody was let in by pairing.')
    return EXIT.ok
  }
  print(
    table([
      ['STATE', 'CHANNEL', 'USER', 'NAME', 'SINCE'],
      ...found.pending.map((person) => [
        'pending',
        person.channel,
        person.personId,
        person.personName ?? '',
        duration(now - person.createdAt),
      ]),
      ...found.approved.map((person) => [
        'approved',
        person.channel,
        person.personId,
        person.personName ?? '',
        duration(now - person.at),
      ]),
    ]),
  )
  if (found.pending.length > 0)
    print('\nLet a person in with the code they were shown: hermes pairing approve CHANNEL CODE')
  return EXIT.ok
}

export async function pairingApproveCommand(
  options: GlobalOptions & { readonly channel: string; readonly code: string },
): Promise<ExitCode> {
  const { approvePairing } = await import('../conversation/access/pairing-policy.ts')
  const approval = await withStorage(options, ({ pairings }) =>
    approvePairing(pairings, options.channel, options.code, Date.now()),
  )
  switch (approval?.kind) {
    case 'approved':
      print(
        `${approval.personName ?? approval.personId} (${options.channel} ${approval.personId}) may talk now.`,
      )
      return EXIT.ok
    case 'locked':
      printError(
        `too many wrong codes on ${options.channel}; approving is locked until ${new Date(approval.until).toISOString()}.`,
      )
      return EXIT.failed
    case 'unknown-code':
      printError(`no one on ${options.channel} holds that code, or it is over. Codes last an hour.`)
      return EXIT.failed
    case undefined:
      return EXIT.failed
  }
}

export async function pairingRevokeCommand(
  options: GlobalOptions & { readonly channel: string; readonly user: string },
): Promise<ExitCode> {
  const revoked = await withStorage(options, ({ pairings }) => pairings.revoke(options.channel, options.user))
  if (!revoked) {
    printError(
      `${options.user} was not let in on ${options.channel} by pairing. An allowlist is changed in the configuration.`,
    )
    return EXIT.failed
  }
  print(`${options.user} may not talk on ${options.channel} any more.`)
  return EXIT.ok
}
