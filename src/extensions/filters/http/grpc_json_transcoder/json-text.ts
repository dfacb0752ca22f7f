/**
 * JSON as Envoy's transcoder reads it: strings in single quotes, names without quotes and commas before a closing bracket are taken.
 * Later members win. What is wrong is told in the words, and with the place, of the parser that Envoy uses.
 */
export type JsonNode = null | boolean | string | JsonNumber | readonly JsonNode[] | JsonMembers

/** Numbers keep their text: 64 bits do not fit into a double. */
export interface JsonNumber {
  readonly number: string
}
export type JsonMembers = ReadonlyMap<string, JsonNode>

export class JsonError extends Error {}

const maxDepth = 100
const around = 20
const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

export const isNumber = (node: JsonNode): node is JsonNumber =>
  typeof node === 'object' && node !== null && 'number' in node
export const isMembers = (node: JsonNode): node is JsonMembers => node instanceof Map

/** The whole text is one value. */
export function parseJson(text: string): JsonNode {
  const parser = new JsonParser(text)
  const value = parser.value(0)
  parser.end()
  return value
}

export class JsonParser {
  readonly #text: string
  #at: number

  constructor(text: string, at = 0) {
    this.#text = text
    this.#at = at
  }

  get position(): number {
    return this.#at
  }

  value(depth: number): JsonNode {
    if (depth > maxDepth) throw new JsonError(`Message too deep. Max recursion depth reached for key ''`)
    this.#space()
    const char = this.#text[this.#at]
    if (char === '{') return this.#object(depth)
    if (char === '[') return this.#array(depth)
    if (char === '"' || char === "'") return this.#string(char)
    const number = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(this.#text.slice(this.#at, this.#at + 400))?.[0]
    if (number !== undefined) {
      this.#at += number.length
      return { number }
    }
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#fail(char === undefined ? 'Expected a value.' : 'Unexpected token.')
  }

  end(): void {
    this.#space()
    if (this.#at < this.#text.length) this.#fail('Parsing terminated before end of input.')
  }

  #object(depth: number): JsonMembers {
    const members = new Map<string, JsonNode>()
    this.#at++
    for (;;) {
      this.#space()
      if (this.#take('}')) return members
      const name = this.#name()
      this.#space()
      if (!this.#take(':')) this.#fail('Expected : between key:value pair.')
      members.delete(name)
      members.set(name, this.value(depth + 1))
      this.#space()
      if (this.#take('}')) return members
      if (!this.#take(',')) this.#fail('Expected , or } after key:value pair.')
    }
  }

  #array(depth: number): JsonNode[] {
    const items: JsonNode[] = []
    this.#at++
    for (;;) {
      this.#space()
      if (this.#take(']')) return items
      items.push(this.value(depth + 1))
      this.#space()
      if (this.#take(']')) return items
      if (!this.#take(',')) this.#fail('Expected , or ] after array value.')
    }
  }

  #name(): string {
    const char = this.#text[this.#at]
    if (char === '"' || char === "'") return this.#string(char)
    const bare = /^[A-Za-z_$][\w$]*/.exec(this.#text.slice(this.#at, this.#at + 1000))?.[0]
    if (bare === undefined) return this.#fail('Expected an object key or }.')
    this.#at += bare.length
    return bare
  }

  #string(quote: string): string {
    const start = this.#at++
    let out = ''
    for (;;) {
      const char = this.#text[this.#at++]
      if (char === undefined) {
        this.#at = start
        return this.#fail('Closing quote expected in string.')
      }
      if (char === quote) return out
      out += char === '\\' ? this.#escape() : char
    }
  }

  #escape(): string {
    const char = this.#text[this.#at++] ?? ''
    if (char !== 'u') return escapes[char] ?? char
    const hex = /^[0-9a-fA-F]{4}/.exec(this.#text.slice(this.#at, this.#at + 4))?.[0]
    if (hex === undefined) return this.#fail('Invalid escape sequence.')
    this.#at += 4
    return String.fromCharCode(Number.parseInt(hex, 16))
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #fail(message: string): never {
    const begin = Math.max(0, this.#at - around)
    const atEnd = this.#at >= this.#text.length
    const segment = atEnd ? '' : this.#text.slice(begin, this.#at + around)
    const mark = `${' '.repeat(atEnd ? 0 : this.#at - begin)}^`
    throw new JsonError(`${atEnd ? 'Unexpected end of string. ' : ''}${message}\n${segment}\n${mark}`)
  }
}

/** Cuts an array that comes in pieces into its items. */
export class JsonArraySplitter {
  #text = ''
  #state: 'start' | 'item' | 'between' | 'done' = 'start'
  #scanned = 0
  #depth = 0
  #quote = ''

  /** Characters kept. */
  get size(): number {
    return this.#text.length
  }

  /** Items whose text is complete now. */
  push(text: string): JsonNode[] {
    this.#text += text
    const items: JsonNode[] = []
    for (let item = this.#next(); item !== undefined; item = this.#next()) items.push(item)
    return items
  }

  /** After the last piece. Throws when the array is not complete. */
  finish(): void {
    if (this.#state === 'done' && this.#text.trim() === '') return
    if (this.#state === 'start' && this.#text.trim() === '') throw new JsonError(notAnArray)
    parseJson(this.#state === 'between' ? `[0${this.#text}` : `[${this.#text}`)
    throw new JsonError('Parsing terminated before end of input.')
  }

  #next(): JsonNode | undefined {
    if (this.#state === 'start' || this.#state === 'between') {
      const rest = this.#text.trimStart()
      if (rest === '') return undefined
      const first = rest[0]
      if (this.#state === 'start' && first !== '[') {
        if (first === '{') throw new JsonError(notAnArray)
        throw new JsonError(': Root element must be a message.')
      }
      if (this.#state === 'between' && first === ']') {
        this.#state = 'done'
        this.#text = rest.slice(1)
        return undefined
      }
      if (this.#state === 'between' && first !== ',') parseJson(`[0${rest}`)
      this.#text = rest.slice(1)
      this.#state = 'item'
      this.#scanned = 0
    }
    if (this.#state !== 'item') return undefined
    const end = this.#endOfItem()
    if (end === undefined) return undefined
    const text = this.#text.slice(0, end)
    this.#text = this.#text.slice(end)
    this.#state = 'between'
    this.#scanned = 0
    // An empty array, or a comma before the bracket.
    return text.trim() === '' ? this.#next() : parseJson(text)
  }

  /** The index of the comma or bracket behind the item that the text begins with. */
  #endOfItem(): number | undefined {
    for (; this.#scanned < this.#text.length; this.#scanned++) {
      const char = this.#text[this.#scanned] as string
      if (this.#quote !== '') {
        if (char === '\\') {
          if (this.#scanned + 1 >= this.#text.length) return undefined
          this.#scanned++
        } else if (char === this.#quote) this.#quote = ''
      } else if (char === '"' || char === "'") this.#quote = char
      else if (char === '{' || char === '[') this.#depth++
      else if (this.#depth === 0 && (char === ',' || char === ']')) return this.#scanned
      else if (char === '}' || char === ']') this.#depth = Math.max(0, this.#depth - 1)
    }
    return undefined
  }
}

const notAnArray = 'Expected an array instead of an object'
