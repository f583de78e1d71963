import { globSync, readFileSync } from 'node:fs'
import { parseSync, Visitor, type ESTree } from 'vite'

const TEXT = /\b(?:string|Uint8Array|Buffer)\b/

/** `src/file.ts name` of every exported function with a parameter that is text or bytes by its type. */
export function textFunctionsOf(globs: readonly string[]): readonly string[] {
  const found: string[] = []
  for (const file of globs.flatMap((glob) => globSync(glob)).toSorted()) {
    if (file.endsWith('.test.ts')) continue
    const text = readFileSync(file, 'utf8')
    const note = (name: string | undefined, parameters: readonly ESTree.Node[]) => {
      const takesText = parameters.some(({ start, end }) => {
        const [, type = ''] = text.slice(start, end).split(/:(.*)/s)
        return TEXT.test(type)
      })
      if (name !== undefined && takesText) found.push(`${file} ${name}`)
    }
    new Visitor({
      ExportNamedDeclaration({ declaration }) {
        if (declaration?.type === 'FunctionDeclaration') note(declaration.id?.name, declaration.params)
        if (declaration?.type !== 'VariableDeclaration') return
        for (const { id, init } of declaration.declarations)
          if (id.type === 'Identifier' && init?.type === 'ArrowFunctionExpression') note(id.name, init.params)
      },
    }).visit(parseSync(file, text).program)
  }
  return found
}
