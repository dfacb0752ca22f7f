// The cases of test/conformance/h1/*.md, and what they mean to somebody who sees only the two ends of a proxy. The format of the documents
// is in the README there; test/native/h1/documents.cc reads them too.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { REPOSITORY } from './target.js'

export interface DocumentCase {
  readonly place: string
  readonly title: string
  readonly settings: ReadonlyMap<string, string>
  readonly input: Buffer
  readonly events: readonly string[]
}

const escapes: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', s: ' ' }

/** A line of an input block: escapes, and CRLF at its end unless it ends with a backslash. */
function inputLine(line: string): string {
  const isOpen = /(^|[^\\])(\\\\)*\\$/.test(line)
  const text = (isOpen ? line.slice(0, -1) : line).replace(/\\(?:x(..)|(.))/gs, (_, hex: string, simple: string) =>
    hex === undefined ? (escapes[simple] ?? simple) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return isOpen ? text : `${text}\r\n`
}

const repeated = (text: string): string =>
  text.replace(/\{([^{}*]*)\*(\d+)\}/g, (_, part: string, times: string) => part.repeat(Number(times)))

function casesOf(name: string): DocumentCase[] {
  const file = path.join(REPOSITORY, 'test/conformance/h1', name)
  const found: DocumentCase[] = []
  let [title, settings] = ['', '']
  let block: { kind: string; line: number; lines: string[] } | undefined
  let input = ''
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (block !== undefined && line === '```') {
      if (block.kind === 'http') input = repeated(block.lines.map(inputLine).join(''))
      else {
        const words = settings.split(' ').filter(word => word !== '')
        found.push({
          place: `${name}:${block.line}`,
          title,
          settings: new Map(words.map(word => [word.split('=')[0] ?? '', word.split('=')[1] ?? ''])),
          input: Buffer.from(input, 'latin1'),
          events: block.lines,
        })
      }
      block = undefined
    } else if (block !== undefined) block.lines.push(line)
    else if (line.startsWith('#')) [title, settings] = [line.replace(/^#+ /, ''), '']
    else if (line.startsWith('<!-- ')) settings = line.slice(5, line.indexOf(' -->'))
    else if (line.startsWith('```')) block = { kind: line.slice(3), line: index + 1, lines: [] }
  }
  return found
}

export function documentCases(prefix: 'request' | 'response'): DocumentCase[] {
  return readdirSync(path.join(REPOSITORY, 'test/conformance/h1'))
    .filter(name => name.startsWith(prefix) && name.endsWith('.md'))
    .sort()
    .flatMap(casesOf)
}

/** One message of a case. */
export interface ToldMessage {
  /** request, response or interim. */
  readonly kind: string
  /** Of a request. */
  readonly version: string
  readonly fields: ReadonlyMap<string, string>
  body: string
  isComplete: boolean
}

export interface Told {
  readonly messages: readonly ToldMessage[]
  /** Status of a refusal; 0: an answer that was none. */
  readonly error: number | undefined
}

/** Text in quotes as the codec's tests print it. */
const unquoted = (text: string): string =>
  text
    .slice(1, -1)
    .replace(/\\(?:x(..)|(.))/gs, (_, hex: string, simple: string) =>
      hex === undefined ? (escapes[simple] ?? simple) : String.fromCharCode(Number.parseInt(hex, 16)),
    )

export function told({ events }: DocumentCase): Told {
  const messages: ToldMessage[] = []
  let error: number | undefined
  for (const line of events) {
    const last = messages.at(-1)
    const field = /^ {2}(:?[^:]+): (".*")$/s.exec(line)
    if (/^(request|response|interim)\b/.test(line))
      messages.push({
        kind: line.split(' ')[0] ?? '',
        version: line.split(' ')[1] ?? '',
        fields: new Map(),
        body: '',
        isComplete: false,
      })
    else if (field && last && !last.isComplete)
      (last.fields as Map<string, string>).set(field[1] ?? '', unquoted(field[2] ?? ''))
    else if (line.startsWith('body ') && last) last.body += unquoted(line.slice(5))
    else if (line === 'complete' && last) last.isComplete = true
    else if (line.startsWith('error ')) error = Number(line.split(' ')[1])
  }
  return { messages, error }
}
