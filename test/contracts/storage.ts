import { afterEach, beforeEach, describe } from 'vitest'
import { aboutContract } from './storage/about.ts'
import { acceptContract } from './storage/accept.ts'
import { blocksContract } from './storage/blocks.ts'
import { budgetContract } from './storage/budgets.ts'
import { commandContract } from './storage/commands.ts'
import { compactionContract } from './storage/compaction.ts'
import { contextContract } from './storage/contexts.ts'
import { conversationContract } from './storage/conversations.ts'
import { journalContract } from './storage/journal.ts'
import { type Subject, Driver, type OpenStorage, type Opener } from './storage/kit.ts'
import { lastExchangeContract } from './storage/last-exchange.ts'
import { leaseContract } from './storage/lease.ts'
import { ledgerContract } from './storage/ledger.ts'
import { mergeContract } from './storage/merge.ts'
import { modelContract } from './storage/model.ts'
import { outageContract } from './storage/outage.ts'
import { outboxContract } from './storage/outbox.ts'
import { parkedInputContract } from './storage/parked-inputs.ts'
import { recordContract } from './storage/records.ts'

/** What every storage must do; one suite, run against each. `open` gives an empty store each time. */
export function storageContract(name: string, open: Opener): void {
  describe(`${name} as a storage`, () => {
    let opened: OpenStorage
    const subject: Subject = {
      driver: null as never,
      async reopen() {
        const { now, merge } = subject.driver
        subject.driver = new Driver(await opened.reopen())
        Object.assign(subject.driver, { now, merge })
      },
      rowsOf: (table) => opened.rowsOf(table),
    }
    beforeEach(async () => {
      opened = await open()
      subject.driver = new Driver(opened.storage)
    })
    afterEach(() => opened.dispose())

    acceptContract(subject)
    aboutContract(subject)
    commandContract(subject)
    lastExchangeContract(subject)
    leaseContract(subject)
    mergeContract(subject)
    journalContract(subject)
    blocksContract(subject)
    compactionContract(subject)
    budgetContract(subject)
    outageContract(subject)
    outboxContract(subject)
    conversationContract(subject)
    contextContract(subject)
    recordContract(subject)
    ledgerContract(subject)
    parkedInputContract(subject)
    modelContract(subject)
  })
}
