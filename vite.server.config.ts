import { join } from 'node:path'
import { defineConfig } from 'vite'
import manifest from './package.json' with { type: 'json' }

/**
 * The package's dependencies stay packages: only some gateways use them, or they look for files beside
 * their own. Everything else is put together with the program, for hundreds of small files cost more at
 * a start than all that they do.
 */
const PACKAGES = Object.keys(manifest.dependencies)

export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  ssr: { noExternal: true, external: PACKAGES },
  build: {
    ssr: true,
    outDir: 'dist/server',
    emptyOutDir: true,
    target: 'node24',
    // People read stacks, and nobody downloads this.
    minify: false,
    license: { fileName: '.vite/license.json' },
    rolldownOptions: {
      input: {
        main: join(import.meta.dirname, 'src/cli/main.ts'),
        worker: join(import.meta.dirname, 'src/storage/sqlite/thread/worker.ts'),
      },
      // Flat: what looks for files of the package finds them from any of these.
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
  logLevel: 'warn',
})
