import '../support/processes/no-gateway-left.ts'
import { programsOnTheWay } from '../../bench/chaos/35-programs.ts'
import { fewRounds } from '../support/few-rounds.ts'

// Programs that ask again under their key get one answer each, whatever happens in between.
fewRounds([programsOnTheWay])
