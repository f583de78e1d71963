import '../support/processes/no-gateway-left.ts'
import { killedBetweenSteps } from '../../bench/chaos/64-killed-between-steps.ts'
import { fewRounds } from '../support/few-rounds.ts'

// Whole gateways with tools: nothing stored is asked again, no effect runs twice, and there is one answer.
fewRounds(killedBetweenSteps)
