import { isMap, isSeq, parseDocument, type Document } from 'yaml'
import type { KeyPath } from '../../config/shape/shape.ts'

/** A change of one place of `config.yaml`. */
export type ConfigChange =
  | { readonly kind: 'set'; readonly path: KeyPath; readonly value: unknown }
  /** Adds what is not in the list yet. */
  | { readonly kind: 'add'; readonly path: KeyPath; readonly values: readonly unknown[] }

/**
 * The text of a `config.yaml` with these changes made. Comments, order and everything that is
 * not concerned stay; a change that changes nothing leaves the text untouched.
 *
 * @param text valid YAML, or empty
 */
export function withChanges(text: string, changes: readonly ConfigChange[]): string {
  const document = parseDocument(text)
  let changed = false
  for (const change of changes) {
    const did =
      change.kind === 'set'
        ? set(document, change.path, change.value)
        : add(document, change.path, change.values)
    changed ||= did
  }
  // Printed again, a file may look a little different: never without a reason.
  if (!changed) return text
  const style = { indentSeq: !/:\n- /.test(text), flowCollectionPadding: /[[{] /.test(text) }
  return document.toString({ lineWidth: 0, ...style })
}

function set(document: Document, path: KeyPath, value: unknown): boolean {
  if (same(valueAt(document, path), value)) return false
  prepare(document, path)
  document.setIn(path, document.createNode(value))
  return true
}

function add(document: Document, path: KeyPath, values: readonly unknown[]): boolean {
  const present = valueAt(document, path)
  const list = Array.isArray(present) ? present : []
  const fresh = values.filter((value) => !list.some((each) => same(each, value)))
  if (fresh.length === 0) return false
  if (!isSeq(document.getIn(path))) return set(document, path, [...list, ...fresh])
  for (const value of fresh) document.addIn(path, document.createNode(value))
  return true
}

/** A section with nothing below it is null to YAML, and has to become a section. */
function prepare(document: Document, path: KeyPath): void {
  for (let depth = 1; depth < path.length; depth++) {
    const section = path.slice(0, depth)
    if (document.hasIn(section) && !isMap(document.getIn(section))) {
      document.setIn(section, document.createNode({}))
    }
  }
}

function valueAt(document: Document, path: KeyPath): unknown {
  const at = path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
    document.toJS(),
  )
  return at ?? undefined
}

/** An id is the same with quotation marks and without. */
function same(one: unknown, other: unknown): boolean {
  return plain(one) === plain(other)
}

function plain(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'number' ? String(part) : part))
}
