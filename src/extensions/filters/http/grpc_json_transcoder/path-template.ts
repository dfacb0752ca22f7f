/** Path templates of google.api.http, and the tree that finds the one for a path. */
import type { Unescape } from './settings.js'

interface Variable {
  readonly field: readonly string[]
  /** Segments from `start` to before `end`; a negative end counts from the path's end: `**`. */
  readonly start: number
  readonly end: number
}

export interface PathTemplate {
  /** Literals, `*`, and at last perhaps `**`. */
  readonly segments: readonly string[]
  readonly variables: readonly Variable[]
  readonly verb: string
}

/** `/v1/{name=shelves/*}/books:list`. Undefined: no template. */
export function parseTemplate(text: string): PathTemplate | undefined {
  return new TemplateParser(text).parse()
}

class TemplateParser {
  readonly #text: string
  #at = 0
  readonly #segments: string[] = []
  readonly #variables: Variable[] = []

  constructor(text: string) {
    this.#text = text
  }

  parse(): PathTemplate | undefined {
    if (!this.#take('/')) return undefined
    if (this.#at < this.#text.length && !this.#segmentList(false)) return undefined
    const verb = this.#take(':') ? this.#literal() : ''
    if (verb === undefined || this.#at !== this.#text.length) return undefined
    const deep = this.#segments.indexOf('**')
    if (deep >= 0 && deep !== this.#segments.length - 1) return undefined
    return { segments: this.#segments, variables: this.#variables, verb }
  }

  #segmentList(inVariable: boolean): boolean {
    do {
      if (!this.#segment(inVariable)) return false
    } while (this.#take('/'))
    return true
  }

  #segment(inVariable: boolean): boolean {
    if (this.#take('{')) return !inVariable && this.#variable()
    if (this.#take('*')) {
      this.#segments.push(this.#take('*') ? '**' : '*')
      return true
    }
    const literal = this.#literal()
    if (literal === undefined) return false
    this.#segments.push(literal)
    return true
  }

  #variable(): boolean {
    const names = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/.exec(this.#text.slice(this.#at))?.[0]
    if (names === undefined) return false
    this.#at += names.length
    const start = this.#segments.length
    if (!this.#take('=')) this.#segments.push('*')
    else if (!this.#segmentList(true)) return false
    const isDeep = this.#segments.at(-1) === '**'
    this.#variables.push({ field: names.split('.'), start, end: isDeep ? -1 : this.#segments.length })
    return this.#take('}')
  }

  #literal(): string | undefined {
    const literal = /^[^/:{}*=]+/.exec(this.#text.slice(this.#at))?.[0]
    if (literal !== undefined) this.#at += literal.length
    return literal
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false
    this.#at += token.length
    return true
  }
}

export interface Binding {
  readonly field: readonly string[]
  readonly value: string
}

interface Leaf<T> {
  readonly template: PathTemplate
  readonly target: T
}

class Node<T> {
  readonly children = new Map<string, Node<T>>()
  /** By method and verb: "GET", "POST:cancel"; method "*" is any. */
  readonly leaves = new Map<string, Leaf<T>>()
}

export interface PathMatch<T> {
  readonly target: T
  readonly bindings: Binding[]
}

/** Finds the template of a path: literals go before `*`, that before `**`; of equal ones the first registered. */
export class PathMatcher<T> {
  readonly #root = new Node<T>()
  readonly #verbs = new Set<string>()
  readonly #unescape: Unescape
  readonly #takesUnregisteredVerbs: boolean

  constructor(unescape: Unescape, takesUnregisteredVerbs: boolean) {
    this.#unescape = unescape
    this.#takesUnregisteredVerbs = takesUnregisteredVerbs
  }

  add(method: string, template: PathTemplate, target: T): void {
    let node = this.#root
    for (const segment of template.segments) {
      let next = node.children.get(segment)
      if (next === undefined) node.children.set(segment, (next = new Node()))
      node = next
    }
    const key = `${method}:${template.verb}`
    if (!node.leaves.has(key)) node.leaves.set(key, { template, target })
    if (template.verb !== '') this.#verbs.add(template.verb)
  }

  find(method: string, path: string): PathMatch<T> | undefined {
    const colon = path.lastIndexOf(':')
    const last = colon > path.lastIndexOf('/') ? path.slice(colon + 1) : ''
    const verb = this.#verbs.has(last) || (this.#takesUnregisteredVerbs && last !== '') ? last : ''
    const parts = (verb === '' ? path : path.slice(0, colon)).slice(1).split('/')
    while (parts.length > 0 && parts.at(-1) === '') parts.pop()
    const leaf = this.#walk(this.#root, parts, 0, [`${method}:${verb}`, `*:${verb}`])
    return leaf && { target: leaf.target, bindings: leaf.template.variables.map(one => this.#bind(one, parts)) }
  }

  #walk(node: Node<T>, parts: readonly string[], at: number, keys: readonly string[]): Leaf<T> | undefined {
    if (at === parts.length) {
      const leaf = keys.map(key => node.leaves.get(key)).find(one => one !== undefined)
      if (leaf !== undefined) return leaf
    } else {
      const part = parts[at] as string
      // A star in a path is an ordinary character.
      const literal = part === '*' || part === '**' ? undefined : node.children.get(part)
      for (const child of [literal, node.children.get('*')]) {
        const leaf = child && this.#walk(child, parts, at + 1, keys)
        if (leaf !== undefined) return leaf
      }
    }
    const deep = node.children.get('**')
    return deep && keys.map(key => deep.leaves.get(key)).find(one => one !== undefined)
  }

  #bind({ field, start, end }: Variable, parts: readonly string[]): Binding {
    const isMultiple = end < 0 || end - start > 1
    const own = parts.slice(start, end < 0 ? undefined : end)
    return { field, value: own.map(part => unescape(part, isMultiple ? this.#unescape : 'all')).join('/') }
  }
}

const reserved = new Set("!#$&'()*+,/:;=?@[]")

/** Percent-decoding; what the rule leaves out, and what is no escape, stays as it is. The bytes are UTF-8. */
export function unescape(text: string, rule: Unescape, plusIsSpace = false): string {
  if (!text.includes('%') && !(plusIsSpace && text.includes('+'))) return text
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const hex = code === 0x25 ? /^[0-9a-f]{2}/i.exec(text.slice(i + 1, i + 3))?.[0] : undefined
    const decoded = hex === undefined ? undefined : Number.parseInt(hex, 16)
    if (decoded !== undefined && !staysEscaped(String.fromCharCode(decoded), rule)) {
      bytes.push(decoded)
      i += 2
    } else bytes.push(plusIsSpace && code === 0x2b ? 0x20 : code)
  }
  return Buffer.from(bytes).toString('utf8')
}

function staysEscaped(char: string, rule: Unescape): boolean {
  if (rule === 'all') return false
  return rule === 'except-slash' ? char === '/' : reserved.has(char)
}

/** `a.b=1&c=2` without the parameters that are not meant for the message. */
export function queryBindings(query: string, ignored: ReadonlySet<string>, plusIsSpace: boolean): Binding[] {
  return query.split('&').flatMap(parameter => {
    const equals = parameter.indexOf('=')
    if (equals <= 0) return []
    const name = parameter.slice(0, equals)
    if (ignored.has(name)) return []
    return [{ field: name.split('.'), value: unescape(parameter.slice(equals + 1), 'all', plusIsSpace) }]
  })
}
