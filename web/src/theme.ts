import { Observable } from './observable.ts'

export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'hermes-theme'

/** The look that the reader chose; `auto` follows the system. Not a secret, so it may be kept. */
export const theme = new Observable<Theme>(read())

export function applyTheme(): void {
  const { dataset } = document.documentElement
  if (theme.value === 'auto') delete dataset['theme']
  else dataset['theme'] = theme.value
}

/** From what is seen now to the other one. */
export function toggleTheme(): void {
  theme.set(isDark() ? 'light' : 'dark')
  applyTheme()
  try {
    localStorage.setItem(KEY, theme.value)
  } catch {
    // A browser that keeps nothing still shows it until the page is left.
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
