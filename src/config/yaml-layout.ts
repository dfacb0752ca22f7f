/**
 * yaml-cpp, and so Envoy, does not ask how far a line is indented that continues a flow collection (`[…]`, `{…}`) or a quoted
 * scalar; parsers that follow the specification do, and mind tabs there. This puts such lines right, and leaves all others, and
 * the numbers of lines, as they are. It also ends the text with its first document, as yaml-cpp does not look at the others.
 */
export function regularLayout(text: string): string {
  return new Layout(text).regular()
}

const blockHeader = /^[|>](?:[+-]?[1-9]?|[1-9][+-])[ \t]*(?:#.*)?$/
const endOfDocument = /^(?:---|\.\.\.)(?=[ \t\r\n]|$)/

class Layout {
  readonly #lines: readonly string[]
  /** How many flow collections are open. */
  #depth = 0
  /** The quote of an open scalar. */
  #quote: '"' | "'" | undefined
  /** What a continued line is indented by. */
  #margin = ''
  /** Of the text of a block scalar: its least indentation, once a line of it was seen; undefined: there is none open. */
  #block: { indent: number | undefined; parent: number } | undefined
  #hasContent = false

  constructor(text: string) {
    this.#lines = text.split('\n')
  }

  regular(): string {
    const out: string[] = []
    for (const line of this.#lines) {
      const isContinued = this.#depth > 0 || this.#quote !== undefined
      if (!isContinued && this.#hasContent && endOfDocument.test(line)) break
      if (!isContinued && this.#isOfBlock(line)) out.push(line)
      else if (isContinued) out.push(this.#line(this.#margin + line.trimStart(), this.#margin.length))
      else out.push(this.#line(line, 0))
    }
    return out.join('\n')
  }

  #isOfBlock(line: string): boolean {
    const block = this.#block
    if (!block) return false
    if (line.trim() === '') return true
    const indent = indentOf(line)
    block.indent ??= indent
    if (indent >= block.indent && indent > block.parent) return true
    this.#block = undefined
    return false
  }

  /** Follows one line, from `from` on, and writes tabs between the tokens of flow collections as spaces. */
  #line(line: string, from: number): string {
    let out = line.slice(0, from)
    let isStart = true // of a token
    for (let at = from; at < line.length; at++) {
      const char = line.charAt(at)
      if (this.#quote !== undefined) {
        const end = this.#inQuotes(line, at)
        out += line.slice(at, end)
        at = end - 1
        isStart = false
        continue
      }
      if (char === '#' && (at === 0 || /[ \t,[\]{}]/.test(line.charAt(at - 1)))) return out + line.slice(at)
      if (!/[ \t\r]/.test(char)) this.#hasContent = true
      if (isStart && (char === '"' || char === "'")) this.#open(line, char)
      else if ((isStart || this.#depth > 0) && /[[{]/.test(char)) {
        this.#open(line)
        this.#depth++
      } else if (this.#depth > 0 && /[\]}]/.test(char)) this.#depth--
      else if (this.#depth === 0 && isStart && /[|>]/.test(char) && blockHeader.test(line.slice(at).trimEnd())) {
        this.#block = { indent: undefined, parent: blockParent(line, at) }
        return out + line.slice(at)
      }
      out += char === '\t' && this.#depth > 0 && isStart ? ' ' : char
      isStart = this.#isBeforeToken(line, at, isStart)
    }
    return out
  }

  #isBeforeToken(line: string, at: number, isStart: boolean): boolean {
    const char = line.charAt(at)
    const isLast = at + 1 >= line.length || /\s/.test(line.charAt(at + 1))
    if (/\s/.test(char)) return isStart
    if (this.#depth > 0) return /[[\]{},]/.test(char) || (/[:?-]/.test(char) && (isLast || line.charAt(at - 1) === '"'))
    if (isStart && /[!&]/.test(char)) return false
    return (/[:?-]/.test(char) && isLast && (char === ':' || isStart)) || this.#endsProperty(line, at)
  }

  /** The last character of a tag or an anchor: what follows is still the node's. */
  #endsProperty(line: string, at: number): boolean {
    if (at + 1 < line.length && !/\s/.test(line.charAt(at + 1))) return false
    const word = /(?:^|\s)([!&]\S*)$/.exec(line.slice(0, at + 1))
    return word !== null
  }

  #open(line: string, quote?: '"' | "'"): void {
    if (this.#depth === 0) this.#margin = ' '.repeat(parentIndent(line) + 2)
    if (quote !== undefined) this.#quote = quote
  }

  /** The position behind the closing quote, or the line's end. */
  #inQuotes(line: string, from: number): number {
    for (let at = from; at < line.length; at++) {
      const char = line.charAt(at)
      if (this.#quote === '"' && char === '\\') at++
      else if (char === this.#quote) {
        if (char === "'" && line.charAt(at + 1) === "'") at++
        else {
          this.#quote = undefined
          return at + 1
        }
      }
    }
    return line.length
  }
}

const indentOf = (line: string): number => line.length - line.trimStart().length

/** Where the innermost block collection begins that the line opens or continues: past its dashes and question marks. */
function parentIndent(line: string): number {
  return /^ *(?:[-?][ \t]+)*/.exec(line)?.[0].length ?? 0
}

/** What the text of a block scalar whose header stands at `at` is indented by more than: its key, or the dash it is an item of. */
function blockParent(line: string, at: number): number {
  const before = line.slice(0, at).replace(/(?:\s+[!&]\S*)*\s*$/, '')
  return /(?:^|\s)[-?]$/.test(before) ? before.length - 1 : parentIndent(line)
}
