import { z } from 'zod'
import { addressProblem } from '../addresses.ts'
import { DURATION_EXAMPLES, DURATION_PATTERN } from '../duration.ts'

/** The words in which the shape of `config.yaml` is written. */

export const text = (description: string) => z.string().min(1).meta({ description })
export const flag = (description: string) => z.boolean().meta({ description })
export const count = (description: string, from: number, to: number) =>
  z.int().min(from).max(to).meta({ description })

/** Text of a shape; `expected` says in words what the pattern means. */
export const shaped = (pattern: RegExp, expected: string, description: string) =>
  z
    .string()
    .regex(pattern)
    .meta({ description, 'x-expected': `expected ${expected}` })

export const duration = (description: string) =>
  shaped(DURATION_PATTERN, DURATION_EXAMPLES, `${description} ${DURATION_EXAMPLES}.`)

/** An address to which credentials may go. */
export const address = (description: string) =>
  z
    .string()
    .refine((value) => addressProblem(value) === null)
    .meta({ description, format: 'uri', 'x-address': 'credentials' })

/** An address to which no credential goes. */
export const openAddress = (pattern: RegExp, expected: string, description: string) =>
  shaped(pattern, expected, description)
    .refine((value) => URL.canParse(value))
    .meta({ format: 'uri', 'x-address': 'open', 'x-expected': `expected ${expected}`, description })

/** YAML makes a number of an unquoted id. */
export const numericId = (description: string) =>
  z
    .union([shaped(/^-?\d+$/, 'a numeric id; names can change hands', description), z.int()])
    .meta({ description })

/** Discord's ids exceed what a number of YAML can hold exactly, so an unquoted one would be another. */
export const snowflake = (description: string) =>
  shaped(/^\d{5,20}$/, 'an id in quotes, such as "112233445566778899"', description)

export const matrixRoom = (description: string) =>
  shaped(/^!\S+$/, 'the id of a room, such as !abc:example.org (its settings show it)', description)

export const argv = (description: string) =>
  z.array(z.string().min(1)).min(1).meta({
    description,
    'x-expected': 'expected a program and its arguments, such as ["/usr/bin/tool", "--flag"]',
  })

/** A section: unknown keys are refused, missing ones have their defaults. */
export const section = <Shape extends z.core.$ZodLooseShape>(description: string, shape: Shape) =>
  z.strictObject(shape).meta({ description })
