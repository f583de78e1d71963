/** The views, by their path. */
export type View =
  | { readonly name: 'chat'; readonly conversation: string | null }
  | { readonly name: 'status' | 'queue' | 'costs' | 'sign-in' | 'sandbox' }
  | { readonly name: 'incidents'; readonly incident: string | null }
export type ViewName = View['name']

const PLAIN = ['status', 'queue', 'costs', 'sign-in', 'sandbox'] as const

export function viewOf(path: string): View {
  const plain = PLAIN.find((name) => path === `/${name}`)
  if (plain) return { name: plain }
  const incident = /^\/incidents(?:\/([\w-]+))?$/.exec(path)
  if (incident) return { name: 'incidents', incident: incident[1] ?? null }
  return { name: 'chat', conversation: /^\/c\/([A-Za-z0-9._~:@-]{1,128})$/.exec(path)?.[1] ?? null }
}

/** The title that a browser's tab and history show. */
export const TITLES: Readonly<Record<ViewName, string>> = {
  chat: 'Chat',
  status: 'Status',
  queue: 'Queue',
  incidents: 'Incidents',
  costs: 'Costs',
  'sign-in': 'Sign-in',
  sandbox: 'Sandbox',
}
