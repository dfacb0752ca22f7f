import type { Chunk, ForGenericStatement, Node } from 'luaparse'
import { createRequire } from 'node:module'
import { err, ok, type Result } from '../../../../support/result.js'

interface Edit {
  readonly from: number
  readonly to: number
  readonly text: string
}

/**
 * A script as Lua 5.1 is to run it, or what is wrong with it. LuaJIT, which Envoy has, lets an iterator of a `for` loop give way, as
 * `bodyChunks()` does; 5.1 does not. So loops of scripts that ask for chunks are written as the `while` loops that they stand for
 * (Lua 5.1 Reference Manual, 2.4.5). Lines stay where they are.
 */
export function prepareSource(source: string): Result<string, string> {
  let chunk: Chunk
  try {
    // Loaded here and not above: most configurations have no script.
    const { parse } = createRequire(import.meta.url)('luaparse') as typeof import('luaparse')
    chunk = parse(source, { luaVersion: 'LuaJIT', ranges: true, comments: false })
  } catch (error) {
    return err((error as Error).message)
  }
  return ok(
    source.includes('bodyChunks')
      ? apply(
          source,
          loopsIn(chunk).flatMap(loop => unrolled(source, loop)),
        )
      : source,
  )
}

function loopsIn(node: unknown): ForGenericStatement[] {
  if (typeof node !== 'object' || node === null) return []
  const below = Object.values(node).flatMap(loopsIn)
  return (node as Partial<Node>).type === 'ForGenericStatement' ? [node as ForGenericStatement, ...below] : below
}

function unrolled(source: string, loop: ForGenericStatement): Edit[] {
  const [start, end] = rangeOf(loop)
  const [first] = rangeOf(loop.variables[0])
  const [, last] = rangeOf(loop.variables.at(-1))
  const in_ = last + source.slice(last).search(/\bin\b/)
  const [, expressionEnd] = rangeOf(loop.iterators.at(-1))
  const do_ = expressionEnd + source.slice(expressionEnd).search(/\bdo\b/)
  const names = source.slice(first, last)
  const control = (names.match(/^\w+/) ?? [''])[0]
  return [
    { from: start, to: in_ + 2, text: 'do local __next, __of, __last =' },
    {
      from: do_,
      to: do_ + 2,
      text: `; while true do local ${names} = __next(__of, __last); if ${control} == nil then break end; __last = ${control};`,
    },
    { from: end, to: end, text: ' end' },
  ]
}

function rangeOf(node: object | undefined): readonly [number, number] {
  return (node as { readonly range: readonly [number, number] }).range
}

function apply(source: string, edits: readonly Edit[]): string {
  let text = ''
  let at = 0
  for (const edit of [...edits].sort((a, b) => a.from - b.from)) {
    text += source.slice(at, edit.from) + edit.text
    at = edit.to
  }
  return text + source.slice(at)
}
