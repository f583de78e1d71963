import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { HttpProblem, notFound, type RequestContext } from '../answers.ts'
import type { Routes } from '../routes.ts'

/**
 * Nothing from other origins, nothing inline. `blob:` pictures are previews of attachments.
 */
const PAGE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types dompurify default',
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // What an answer links to must not be looked up before somebody clicks.
  'X-DNS-Prefetch-Control': 'off',
  // The address has no secret in it; our own requests show by it that they are ours.
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
} as const

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  json: 'application/json',
  webmanifest: 'application/manifest+json',
}

/** The build puts a hash into the names of everything under here: such a file never changes. */
const HASHED = '/assets/'
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** The page itself is revalidated each time, usually with 304. */
const REVALIDATE = 'no-cache'

/** Each view of the dashboard has a path; the page chooses the view by it. */
const VIEWS = ['/status', '/queue', '/incidents', '/incidents/:id', '/costs', '/sign-in', '/sandbox'] as const

interface PageFile {
  readonly type: string
  readonly etag: string
  readonly plain: Buffer<ArrayBuffer>
  readonly brotli: Buffer<ArrayBuffer> | null
  readonly gzip: Buffer<ArrayBuffer> | null
}

/**
 * The page's files, read once, on the first request. Requests are looked up in a table,
 * so no other file can be reached.
 */
export class Page {
  readonly #folder: string
  #files: Promise<ReadonlyMap<string, PageFile>> | null = null

  /** @param folder where the build put the page */
  constructor(folder: string) {
    this.#folder = folder
  }

  addRoutes(routes: Routes): void {
    routes.open('GET', '/', (c) => this.#serve(c, '/index.html'))
    routes.open('GET', '/c/:id', (c) => this.#serve(c, '/index.html'))
    for (const view of VIEWS) routes.open('GET', view, (c) => this.#serve(c, '/index.html'))
    routes.open('GET', '/assets/:name', (c) => this.#serve(c, c.req.path))
    routes.open('GET', '/favicon.svg', (c) => this.#serve(c, '/favicon.svg'))
  }

  async #serve(c: RequestContext, path: string): Promise<Response> {
    const files = await (this.#files ??= load(this.#folder))
    const file = files.get(path)
    if (!file) {
      if (path !== '/index.html') throw notFound()
      this.#files = null
      throw new HttpProblem(503, 'not-built', 'The page has not been built yet: npm run build:web')
    }
    const headers: Record<string, string> = {
      ...PAGE_HEADERS,
      'Content-Type': file.type,
      'Cache-Control': path.startsWith(HASHED) ? IMMUTABLE : REVALIDATE,
      ETag: file.etag,
      Vary: 'Accept-Encoding',
    }
    if (c.req.header('if-none-match') === file.etag) return new Response(null, { status: 304, headers })
    const accepted = c.req.header('accept-encoding') ?? ''
    if (file.brotli && /\bbr\b/.test(accepted)) {
      headers['Content-Encoding'] = 'br'
      return new Response(file.brotli, { headers })
    }
    if (file.gzip && /\bgzip\b/.test(accepted)) {
      headers['Content-Encoding'] = 'gzip'
      return new Response(file.gzip, { headers })
    }
    return new Response(file.plain, { headers })
  }
}

async function load(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
  const contents = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  )
  const files = new Map<string, PageFile>()
  for (const [name, plain] of contents) {
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
    if (!type) continue
    files.set(`/${name.split(sep).join('/')}`, {
      type,
      etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
      plain,
      brotli: contents.get(`${name}.br`) ?? null,
      gzip: contents.get(`${name}.gz`) ?? null,
    })
  }
  return files
}
