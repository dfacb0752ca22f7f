// Writes what real Envoy did into a scenario's `sees`, when the author asks for it (NUNCIO_TEST_RECORD=1, target envoy).
// The author then reads it: a recorded expectation is only as good as the question the scenario asks.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { REPOSITORY, target } from './target.js'

export const recording: boolean = process.env.NUNCIO_TEST_RECORD === '1'

/** What only Nuncio has is recorded from Nuncio, all else from Envoy. */
export function recordsFor(onlyNuncio: boolean): boolean {
  return recording && target.name === (onlyNuncio ? 'nuncio' : 'envoy')
}

const pending: { readonly file: string; readonly scenario: string; readonly text: string }[] = []

/** Notes a new expectation for the scenario of that name in the file at `url` (the compiled test's import.meta.url). */
export function record(url: string, scenario: string, text: string): void {
  pending.push({ file: sourceOf(url), scenario, text })
}

export function sourceOf(url: string): string {
  const compiled = path.join(REPOSITORY, '.cache/test')
  return path.join(REPOSITORY, 'test', path.relative(compiled, fileURLToPath(url)).replace(/\.js$/, '.ts'))
}

/** Rewrites the sources. */
export function writeRecords(): void {
  for (const { file, scenario, text } of pending.splice(0)) {
    const source = readFileSync(file, 'utf8')
    const quoted = scenario.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/'/g, "\\\\?'")
    const at = source.search(new RegExp(`\\.(?:exchange|scenario)\\(\\s*['"\`]${quoted}['"\`]`))
    const key = 'sees: `'
    const start = at < 0 ? -1 : source.indexOf(key, at)
    if (start < 0) {
      process.stderr.write(`cannot record ${scenario} in ${file}\n`)
      continue
    }
    let end = start + key.length
    while (source[end] !== '`') end += source[end] === '\\' ? 2 : 1
    const lineStart = source.lastIndexOf('\n', start) + 1
    const indent = /^ */.exec(source.slice(lineStart))?.[0] ?? ''
    const escaped = text.replace(/[\\`]/g, '\\$&').replace(/\$\{/g, '\\${')
    const lines = escaped.split('\n').map(line => (line === '' ? '' : `${indent}  ${line}`))
    writeFileSync(file, `${source.slice(0, start + key.length)}\n${lines.join('\n')}\n${indent}${source.slice(end)}`)
  }
}
