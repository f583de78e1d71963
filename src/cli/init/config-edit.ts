import { isMap, isSeq, parseDocument, type Document } from 'yaml'
import type { KeyPath } from '../../config/shape/shape.ts'

/** A change to one key of `config.yaml`. */
export type ConfigChange =
  | { readonly kind: 'set'; readonly path: KeyPath; readonly value: unknown }
  /** Adds values that are not in the list yet. */
  | { readonly kind: 'add'; readonly path: KeyPath; readonly values: readonly unknown[] }

/**
 * Applies changes to the text of a `config.yaml`. Comments, order and everything else are kept; if
 * nothing changes, the text is returned as it was.
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
  // Reformatting may change details of the text: only if necessary.
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

/** YAML reads an empty section as null; turns it into a map. */
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

/** Compares values; an ID with quotes equals one without. */
function same(one: unknown, other: unknown): boolean {
  return plain(one) === plain(other)
}

function plain(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'number' ? String(part) : part))
}
