import '../support/processes/no-gateway-left.ts'
import { platformRows } from '../../bench/chaos/40-platforms.ts'
import { fewRounds } from '../support/few-rounds.ts'

// On every platform nothing is lost and everything stays in order, whatever breaks.
fewRounds(platformRows)
