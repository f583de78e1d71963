import { Observable } from './observable.ts'

export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'hermes-theme'

/** The chosen theme; `auto` follows the system. Not a secret, so it may be stored. */
export const theme = new Observable<Theme>(read())

export function applyTheme(): void {
  const { dataset } = document.documentElement
  if (theme.value === 'auto') delete dataset['theme']
  else dataset['theme'] = theme.value
}

/** Switches to the opposite of the visible theme. */
export function toggleTheme(): void {
  theme.set(isDark() ? 'light' : 'dark')
  applyTheme()
  try {
    localStorage.setItem(KEY, theme.value)
  } catch {
    // Without storage it applies until the page is closed.
  }
}

export function isDark(): boolean {
  return theme.value === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : theme.value === 'dark'
}

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY)
    return kept === 'light' || kept === 'dark' ? kept : 'auto'
  } catch {
    return 'auto'
  }
}
