import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { freePort } from '../support/processes/free-port.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)
/** Of the checkout, without what no package holds. */
const NOT_COPIED = new Set(['node_modules', '.git', 'test', 'src', 'web', 'bench', '.dev'])
/** npm asks the registry for a hundred packages. */
const INSTALL_MS = 120_000

let folder: string
/** The package as it is in an empty prefix. */
let installed: string

interface Manifest {
  readonly name: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}
const json = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T
const npm = (args: readonly string[], cwd: string) =>
  run('npm', [...args, '--no-audit', '--no-fund'], { cwd, maxBuffer: 64 * 1024 * 1024 })

beforeAll(async () => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'hermes-package-'))
  const checkout = join(folder, 'checkout')
  cpSync(ROOT, checkout, {
    recursive: true,
    filter: (path) => !NOT_COPIED.has(path.slice(ROOT.length + 1)),
  })
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
  // As `prepack` does; the build is the one that all tests of processes use.
  await run(process.execPath, ['scripts/package-files.ts', 'write'], { cwd: checkout })
  await npm(['pack', '--ignore-scripts', '--pack-destination', folder], checkout)
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
  )
  const prefix = join(folder, 'prefix')
  await using registry = await startRegistry(tarball)
  const options = [
    '--global',
    '--prefix',
    prefix,
    '--registry',
    registry.url,
    '--cache',
    join(folder, 'cache'),
  ]
  await npm(['install', ...options, 'hermes-gateway'], folder)
  installed = join(prefix, 'lib/node_modules/hermes-gateway')
}, INSTALL_MS)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package, installed into an empty prefix', () => {
  test('runs: the sandbox answers, with its page', PROCESS_TEST, async () => {
    const port = String(await freePort())
    await using _gateway = await GatewayProcess.start({
      bin: join(installed, 'bin/hermes.js'),
      args: ['--sandbox', '--port', port],
    })
    const url = `http://127.0.0.1:${port}`
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(await (await fetch(url)).text())![1]!
    expect((await fetch(url + script)).status).toBe(200)
  })

  test('runs no script when it is installed', () => {
    const { scripts = {} } = json<Manifest>(join(installed, 'package.json'))
    const lifecycle = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare']
    expect(Object.keys(scripts).filter((name) => lifecycle.includes(name))).toEqual([])
    for (const path of packagesIn(join(installed, 'node_modules'))) {
      const of = Object.keys(json<Manifest>(join(path, 'package.json')).scripts ?? {})
      expect([path, of.filter((name) => /^(?:pre|post)?install$/.test(name))]).toEqual([path, []])
    }
  })

  test('installs the tested versions, and names no machine', () => {
    const text = readFileSync(join(installed, 'npm-shrinkwrap.json'), 'utf8')
    const hosts = [...text.matchAll(/\b\w+:\/\/([^/"]+)/g)].map((match) => match[1]!)
    expect(hosts.filter((host) => host !== 'registry.npmjs.org')).toEqual([])
    const locked = (JSON.parse(text) as { packages: Record<string, { version: string; dev?: boolean }> })
      .packages
    const tested = json<{ packages: typeof locked }>(join(ROOT, 'package-lock.json')).packages
    for (const [path, { version }] of Object.entries(locked)) {
      if (path === '') continue
      expect([path, version]).toEqual([path, tested[path]!.version])
      expect([path, json<{ version: string }>(join(installed, path, 'package.json')).version]).toEqual([
        path,
        version,
      ])
    }
    expect(Object.keys(locked).length).toBeGreaterThan(50)
    expect(Object.values(locked).filter(({ dev }) => dev)).toEqual([])
  })

  test('carries the licence of everything that is bundled, and names what is installed', () => {
    const notices = readFileSync(join(installed, 'THIRD-PARTY-NOTICES'), 'utf8')
    const { dependencies } = json<Manifest>(join(installed, 'package.json'))
    for (const name of Object.keys(dependencies)) expect(notices).toMatch(new RegExp(`^${name} \\d`, 'm'))
    const bundled = importedPackages().filter((name) => !Object.hasOwn(dependencies, name))
    expect(bundled.length).toBeGreaterThan(10)
    for (const name of bundled) expect(notices).toContain(`\n## ${name} `)
    expect(notices).toContain('Permission is hereby granted')
    expect(notices).not.toMatch(/undefined|null\)/)
  })

  test('its README links to files of the package', () => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8')
    const links = [...readme.matchAll(/\]\(([^)\s#]+)/g)].map((match) => match[1]!)
    const files = new Set(readdirSync(installed, { recursive: true, encoding: 'utf8' }))
    expect(links.length).toBeGreaterThan(20)
    expect(links.filter((link) => !link.startsWith('https:') && !files.has(link))).toEqual([])
    expect(files).toContain('docs/config.example.yaml')
    expect([...files].filter((name) => /^(?:src|test|web|scripts)\b|\.vite/.test(name))).toEqual([])
  })
})

function packagesIn(folderOfPackages: string): readonly string[] {
  return readdirSync(folderOfPackages)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(folderOfPackages, name)).map((inner) => join(folderOfPackages, name, inner))
        : [join(folderOfPackages, name)],
    )
}

/** The packages whose code the sources import. */
function importedPackages(): readonly string[] {
  const sources = globSync(['src/**/*.ts', 'web/src/**/*.{ts,tsx}'], { cwd: ROOT })
    .filter((name) => !name.includes('.test.'))
    .map((name) => readFileSync(join(ROOT, name), 'utf8'))
  const imports = sources.flatMap((source) => [
    ...source.matchAll(/^(?:import|export) (?!type\b)[^;'"]*?from '((?:@[\w-]+\/)?[\w-]+)[^']*'$/gm),
    ...source.matchAll(/\bimport\('((?:@[\w-]+\/)?[\w-]+)[^']*'\)/g),
  ])
  return [...new Set(imports.map((match) => match[1]!))].filter((name) => name !== 'node')
}

/** A registry that has this package, and leads to the configured one for all others. */
async function startRegistry(tarball: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const upstream = (await run('npm', ['config', 'get', 'registry'])).stdout.trim().replace(/\/$/, '')
  const bytes = readFileSync(tarball)
  const manifest = json<object>(join(folder, 'checkout/package.json'))
  const server = createServer(({ url: path }, outgoing) => {
    if (path === '/tarball.tgz') return outgoing.end(bytes)
    if (path !== '/hermes-gateway') return outgoing.writeHead(302, { location: upstream + path }).end()
    const version = {
      ...manifest,
      // As npm's registry says of a package that has one.
      _hasShrinkwrap: true,
      dist: {
        tarball: `${url}/tarball.tgz`,
        integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
      },
    }
    const versions = { '0.0.0': { ...version, version: '0.0.0' } }
    return outgoing.end(
      JSON.stringify({ name: 'hermes-gateway', 'dist-tags': { latest: '0.0.0' }, versions }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
