// What the npm package holds besides files of the checkout: `write` when it is packed, `remove` afterwards.
// The checkout must not keep the shrinkwrap: npm would take it in the place of package-lock.json.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The versions that were tested are the versions that are installed. */
const SHRINKWRAP = 'npm-shrinkwrap.json'
const NOTICES = 'THIRD-PARTY-NOTICES'
/** What each build put into `dist`, with its licence; written by Vite. */
const BUNDLES = ['dist/server/.vite/license.json', 'dist/web/.vite/license.json']

const INSTALLED = 'node_modules/'

interface LockedPackage {
  readonly version: string
  readonly license?: string
  readonly dev?: boolean
  /** Where the folder has another one. */
  readonly name?: string
  readonly funding?: unknown
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface Bundled {
  readonly name: string
  readonly version: string
  readonly identifier: string | null
  readonly text: string | null
}

/** The lock file without what only development needs; each package at its place in npm's registry, or in who stands for it. */
function shrinkwrap(lock: Lock): Lock {
  const { devDependencies: _dev, ...root } = lock.packages[''] as LockedPackage & { devDependencies?: object }
  const packages = Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { funding: _funding, ...rest }]) => {
      const name = rest.name ?? path.slice(path.lastIndexOf(INSTALLED) + INSTALLED.length)
      const file = `${name.replace(/^.*\//, '')}-${rest.version}.tgz`
      return [path, { ...rest, resolved: `https://registry.npmjs.org/${name}/-/${file}` }] as const
    })
  return { ...lock, packages: { '': root, ...Object.fromEntries(packages) } }
}

/** The licences of what is bundled, whole, and a list of what npm installs beside it with its own. */
function notices(bundled: readonly Bundled[], installed: Lock['packages']): string {
  const byName = new Map(bundled.map((each) => [`${each.name} ${each.version}`, each]))
  const texts = [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, { identifier, text }]) => `## ${title} (${identifier})\n\n${textOf(text, identifier)}\n`)
  const list = Object.entries(installed)
    .filter(([path]) => path !== '')
    .map(
      ([path, { version, license }]) =>
        `${path.slice(path.lastIndexOf(INSTALLED) + INSTALLED.length)} ${version} (${license})`,
    )
  return [
    '# Software of others in this package\n',
    'Parts of these packages are in the files below dist/.\n',
    ...texts,
    '# Packages that npm installs with this one\n',
    'Each comes with its own licence.\n',
    `${[...new Set(list)].sort().join('\n')}\n`,
  ].join('\n')
}

function textOf(text: string | null, identifier: string | null): string {
  return text?.trim() || `Its package names the licence ${identifier} and has no text of it.`
}

const root = process.cwd()
const read = async <T>(name: string) => JSON.parse(await readFile(join(root, name), 'utf8')) as T

if (process.argv[2] === 'write') {
  const locked = shrinkwrap(await read<Lock>('package-lock.json'))
  const bundled = (await Promise.all(BUNDLES.map((name) => read<Bundled[]>(name)))).flat()
  await writeFile(join(root, SHRINKWRAP), `${JSON.stringify(locked, null, 2)}\n`)
  await writeFile(join(root, NOTICES), notices(bundled, locked.packages))
} else if (process.argv[2] === 'remove') {
  await Promise.all([SHRINKWRAP, NOTICES].map((name) => rm(join(root, name), { force: true })))
} else throw new Error('usage: node scripts/package-files.ts write|remove')
