/**
 * Why a message came to its end, where it is the store that ends it. For the operator's queue; and
 * whoever has to answer for the message tells by it what happened.
 */

/** It found the hold full. */
export const HOLD_FULL = 'hold full'
/** It was held for so long that an answer is of no use any more. */
export const TOO_OLD = 'held too long'
/** It was leased again and again, and its turn never finished. */
export const NEVER_FINISHED = 'handling never came to an end'
/** The operator took it out of the queue. */
export const DROPPED = 'dropped by the operator'
