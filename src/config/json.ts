import { err, ok, type Result } from '../support/result.js'
import { positionAt, type SyntaxError } from './text-syntax.js'

/**
 * JSON as Envoy's protobuf reads it: strict JSON, and what its legacy syntax adds, namely single-quoted strings, unquoted names and trailing commas.
 * Objects come without a prototype, so that a key "__proto__" is an ordinary key.
 */
export function parseJson(text: string): Result<unknown, SyntaxError> {
  try {
    return ok(JSON.parse(text))
  } catch {
    return new LenientJson(text).parse()
  }
}

class JsonFault extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message)
  }
}

const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
}

class LenientJson {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Result<unknown, SyntaxError> {
    try {
      const value = this.#value(0)
      this.#space()
      if (this.#at < this.#text.length) this.#fail('unexpected text after the end of the document')
      return ok(value)
    } catch (error) {
      if (!(error instanceof JsonFault)) throw error
      return err({ message: error.message, ...positionAt(this.#text, error.offset) })
    }
  }

  #fail(message: string): never {
    throw new JsonFault(message, this.#at)
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text.charAt(this.#at))) this.#at++
  }

  #peek(): string {
    this.#space()
    if (this.#at >= this.#text.length) this.#fail('unexpected end of the document')
    return this.#text.charAt(this.#at)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #value(depth: number): unknown {
    if (depth > 100) this.#fail('nested too deeply')
    const first = this.#peek()
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"' || first === "'") return this.#string()
    const number = this.#match(/-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y)
    if (number !== undefined) return Number(number)
    const word = this.#match(/true|false|null/y)
    if (word === undefined) this.#fail(`unexpected ${JSON.stringify(first)}`)
    return word === 'null' ? null : word === 'true'
  }

  #object(depth: number): unknown {
    const object = Object.create(null) as Record<string, unknown>
    this.#at++
    while (this.#peek() !== '}') {
      const quote = this.#peek()
      const name = quote === '"' || quote === "'" ? this.#string() : this.#match(/[A-Za-z_$][\w$]*/y)
      if (name === undefined) this.#fail('expected a name')
      if (this.#peek() !== ':') this.#fail('expected ":"')
      this.#at++
      object[name] = this.#value(depth + 1)
      this.#separator('}')
    }
    this.#at++
    return object
  }

  #array(depth: number): unknown {
    const items: unknown[] = []
    this.#at++
    while (this.#peek() !== ']') {
      items.push(this.#value(depth + 1))
      this.#separator(']')
    }
    this.#at++
    return items
  }

  #separator(end: string): void {
    const next = this.#peek()
    if (next === ',') this.#at++
    else if (next !== end) this.#fail(`expected "," or "${end}"`)
  }

  #string(): string {
    const quote = this.#text.charAt(this.#at++)
    let value = ''
    for (;;) {
      if (this.#at >= this.#text.length) this.#fail('the string does not end')
      const next = this.#text.charAt(this.#at++)
      if (next === quote) return value
      value += next === '\\' ? this.#escape() : next
    }
  }

  #escape(): string {
    const code = this.#text.charAt(this.#at++)
    if (code === 'u') {
      const digits = this.#match(/[0-9a-fA-F]{4}/y)
      if (digits === undefined) this.#fail('expected four hexadecimal digits')
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    return escapes[code] ?? this.#fail(`unknown escape \\${code}`)
  }
}
