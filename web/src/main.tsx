import { render } from 'preact'
import './styles/tokens.css'
import './styles/layout.css'
import './styles/messages.css'
import './styles/composer.css'
import './styles/shell.css'
import { App } from './app.tsx'
import { enter } from './session.ts'
import { applyTheme } from './theme.ts'
import { restrictScripts } from './trusted.ts'

restrictScripts()
applyTheme()
const root = document.getElementById('root')!
const session = await enter()
render(<App session={session} />, root)

// A new link opened in this tab changes only the fragment.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#ticket=')) location.reload()
})
