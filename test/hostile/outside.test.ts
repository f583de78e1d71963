import '../support/processes/no-gateway-left.ts'
import { outside } from '../../bench/chaos/outside.ts'
import { fewRounds } from '../support/few-rounds.ts'

// Whatever comes in from outside, honest people are answered: all, in order, none twice.
fewRounds([outside], 15)
