import '../support/processes/no-gateway-left.ts'
import { fleetKills } from '../../bench/chaos/62-fleet-kills.ts'
import { fewRounds } from '../support/few-rounds.ts'

// Whichever gateway of a fleet is killed, every question is answered in its order.
fewRounds([fleetKills])
