import '../support/processes/no-gateway-left.ts'
import { killedOnTheWay } from '../../bench/chaos/35-killed-on-the-way.ts'
import { fewRounds } from '../support/few-rounds.ts'
import { KILL_MOMENTS } from '../support/processes/kill-fixture.ts'

/** More kills than there are moments, so that every one of them is met. */
const ROUNDS = KILL_MOMENTS.length + 4

// Nothing is lost, and only answers that were not stored are paid for twice.
fewRounds([killedOnTheWay], ROUNDS)
