/** What stands before and after the content of a page. */
export function htmlPage(title: string): readonly [start: string, end: string] {
  const style = `
  body { font-family: sans-serif; margin: 1.5em }
  th, td { text-align: left; padding: 4px 8px; vertical-align: top }
  tbody.shaded { background: #eee }
  td.parameter { padding-left: 2em; text-align: right }
  form { margin: 0 }`
  const start = `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${escapeHtml(title)}</title>\n<style>${style}\n</style>\n</head>\n<body>\n`
  return [start, '</body>\n</html>\n']
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`)
}
