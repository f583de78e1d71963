#!/usr/bin/env node
// Plain old JavaScript on purpose: an older Node must be able to read this far
// and say what it needs, instead of failing on the first modern syntax.
var needed = 24
var major = parseInt(process.versions.node, 10)
if (major < needed) {
  process.stderr.write(
    'hermes needs Node ' +
      needed +
      ' or newer; this is ' +
      process.version +
      ' (' +
      process.execPath +
      ').\n' +
      'From a checkout, "npm run -s hermes -- ARGS" uses the Node that the project pins.\n',
  )
  process.exitCode = 78
} else {
  import('./compile-cache.js')
    .then(function (cache) {
      // Before the program is loaded, so that its second start is faster.
      cache.cacheCompiledCode()
      return import('../dist/server/main.js')
    })
    .then(function (cli) {
      return cli.run(process.argv.slice(2))
    })
    .catch(function (error) {
      if (error && error.code === 'ERR_MODULE_NOT_FOUND' && /dist.server.main/.test(error.message)) {
        process.stderr.write(
          'hermes has not been built yet. Run "npm ci" (or "npm run build") in the checkout.\n',
        )
      } else {
        process.stderr.write('hermes: ' + ((error && error.message) || error) + '\n')
      }
      process.exitCode = 1
    })
}
