/** What a parser of text says when it cannot go on. Lines and columns count from 1. */
export interface SyntaxError {
  readonly message: string
  readonly line?: number
  readonly column?: number
}

/** Line and column of an offset into `text`. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}
