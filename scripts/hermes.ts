// `hermes` straight from the sources, without a build: Node strips the types. For `npm run dev` and
// for the debugger; what is shipped starts at bin/hermes.js.
import { run } from '../src/cli/main.ts'

await run(process.argv.slice(2))
