const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:34rem;margin:3rem auto;padding:0 1rem}
h1{font-size:1.4rem}
pre{padding:1rem;border:1px solid;border-radius:.5rem;white-space:pre-wrap;word-break:break-all;user-select:all}
fieldset{border:1px solid;border-radius:.5rem}label{display:block}
button{font:inherit;padding:.5rem 1.5rem;border-radius:.5rem;border:1px solid;background:#b5512f;color:#fff}
button.quiet{background:none;color:inherit}
footer{opacity:.7;font-size:.85rem;margin-top:3rem}`

/** A small page without external resources. */
export function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">
<style>${STYLE}</style></head><body><h1>${escapeHtml(title)}</h1>
${body}
<footer>Simulated. No account, no real service, nothing leaves this machine.</footer></body></html>`
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
