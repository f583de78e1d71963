import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CONFIG = join(ROOT, 'vite.server.config.ts')
/** The list of all steps of the database's schema. */
const STEPS = '/src/storage/postgres/migrations/all.ts'

/** The version that this checkout has. */
export const THIS_VERSION = manifest()['version'] as string

/** The next minor version, as `major.minor.patch`. */
export const NEXT_VERSION = THIS_VERSION.replace(
  /^(\d+)\.(\d+)\..*$/,
  (_, major, minor) => `${major}.${+minor + 1}.0`,
)

export interface NextStep {
  readonly name: string
  readonly sql: string
  readonly oldestProgram: string
}

/** The package in another version, in a folder of its own. */
export class OtherVersion implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'hermes-version-'))

  private constructor(version: string) {
    for (const name of ['bin', 'schema'])
      cpSync(join(ROOT, name), join(this.#folder, name), { recursive: true })
    mkdirSync(join(this.#folder, 'dist'))
    cpSync(join(ROOT, 'dist/web'), join(this.#folder, 'dist/web'), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'))
    writeFileSync(join(this.#folder, 'package.json'), JSON.stringify({ ...manifest(), version }))
  }

  /** The program as it is built here, under another version's name. */
  static named(version: string): OtherVersion {
    const other = new OtherVersion(version)
    cpSync(join(ROOT, 'dist/server'), join(other.#folder, 'dist/server'), { recursive: true })
    return other
  }

  /** A program that takes the database one step further, built from the same source. */
  static async with(version: string, step: NextStep): Promise<OtherVersion> {
    const other = new OtherVersion(version)
    await build({
      configFile: CONFIG,
      build: { outDir: join(other.#folder, 'dist/server') },
      plugins: [
        {
          name: 'one-more-step',
          transform: (code, id) =>
            id.endsWith(STEPS)
              ? `${code}\nMIGRATIONS.push({ number: MIGRATIONS.length + 1, ...${JSON.stringify(step)} })`
              : null,
        },
      ],
    })
    return other
  }

  /** The file to run. */
  get bin(): string {
    return join(this.#folder, 'bin/hermes.js')
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true })
  }
}

function manifest(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>
}
