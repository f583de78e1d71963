import { isoTime } from '../support/clock.ts'
import { printable } from '../support/text/printable.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { withStorage } from './context.ts'
import { duration, localTime, print, printError, printJson, table } from './terminal/output.ts'

export async function pairingListCommand(
  options: GlobalOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const now = Date.now()
  const found = await withStorage(options, async ({ pairings }) => ({
    pending: await pairings.pending(now),
    approved: await pairings.approved(),
  }))
  if (options.json) {
    // The code itself is only for the person who received it.
    printJson({
      items: [
        ...(found?.pending ?? []).map((person) => ({
          state: 'pending',
          channel: person.channel,
          user: person.personId,
          name: person.personName,
          at: isoTime(person.createdAt),
          expiresAt: isoTime(person.expiresAt),
        })),
        ...(found?.approved ?? []).map((person) => ({
          state: 'approved',
          channel: person.channel,
          user: person.personId,
          name: person.personName,
          at: isoTime(person.at),
        })),
      ],
    })
    return EXIT.ok
  }
  if (!found) return EXIT.failed
  if (found.pending.length + found.approved.length === 0) {
    print('No pending requests, and nobody approved by pairing.')
    return EXIT.ok
  }
  print(
    table([
      ['STATE', 'CHANNEL', 'USER', 'NAME', 'AGE'],
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
    print('\nApprove a person with the code they received: hermes pairing approve CHANNEL CODE')
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
        `Approved ${printable(approval.personName ?? approval.personId)} (${options.channel} ${approval.personId}).`,
      )
      return EXIT.ok
    case 'locked':
      printError(
        `too many wrong codes for ${options.channel}; approval is locked until ${localTime(approval.until)}.`,
      )
      return EXIT.failed
    case 'unknown-code':
      printError('that code is unknown or has expired. Codes are valid for one hour.')
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
      `${options.user} was not approved on ${options.channel} by pairing. Allowlists are part of the configuration.`,
    )
    return EXIT.failed
  }
  print(`Withdrew the approval of ${options.user} on ${options.channel}.`)
  return EXIT.ok
}
