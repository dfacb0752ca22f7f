// How bytes are shown in a transcript: readable, yet no two different byte strings look alike.

/** CRLF becomes a line break; everything else that would be invisible is spelled out. */
export function showBytes(bytes: Buffer | string): string {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1')
  return text
    .replace(/\\/g, '\\\\')
    .replace(/\r(?!\n)/g, '\\r')
    .replace(/(?<!\r)\n/g, '\\n\n')
    .replace(/\r\n/g, '\n')
    .replace(/[\0-\x09\x0b-\x1f\x7f-\xff]/g, c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** A long body is shown by its length, so that a transcript stays readable. */
export function showBody(body: Buffer, limit = 2000): string {
  return body.length <= limit ? showBytes(body) : `(${body.length} bytes)`
}

/** The lines of an HTTP head, ended by CRLF each, and the blank line after them. */
export function head(...lines: string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** A whole message: head lines and a body; the body's length is the caller's affair. */
export function message(lines: readonly string[], body: string): string {
  return head(...lines) + body
}

/** A GET of `path` for host `a`, with more header lines. */
export function get(path: string, ...lines: string[]): string {
  return head(`GET ${path} HTTP/1.1`, 'host: a', ...lines)
}

/** A POST of `body` with its content-length. */
export function post(path: string, body: string, ...lines: string[]): string {
  return head(`POST ${path} HTTP/1.1`, 'host: a', `content-length: ${body.length}`, ...lines) + body
}

/** An upstream's answer with a content-length. */
export function answer(status: string | number, body: string, ...lines: string[]): string {
  const start = typeof status === 'number' ? `${status} Reason` : status
  return head(`HTTP/1.1 ${start}`, `content-length: ${body.length}`, ...lines) + body
}

/** Takes away the first line break and the indentation that all lines share. */
export function dedent(text: string): string {
  const lines = text
    .replace(/^\n/, '')
    .replace(/\n[ \t]*$/, '')
    .split('\n')
  const filled = lines.filter(line => line.trim() !== '')
  const indents = filled.map(line => /^ */.exec(line)?.[0].length ?? 0)
  const common = indents.length === 0 ? 0 : Math.min(...indents)
  return lines.map(line => line.slice(common)).join('\n')
}
