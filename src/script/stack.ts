import { SourceMap, type SourceMapPayload } from 'node:module'
import { fileURLToPath } from 'node:url'

/** Turns positions in a bundle into positions in the files it was made from, for error texts. */
export class StackMapper {
  readonly #file: string
  readonly #code: string
  #map: SourceMap | undefined

  constructor(file: string, code: string) {
    this.#file = file
    this.#code = code
  }

  /** The error with its stack, as far as it tells of the filter: what lies below belongs to the proxy. */
  describe(error: unknown): string {
    if (!(error instanceof Error)) return String(error)
    const [first = '', ...frames] = (error.stack ?? error.message).split('\n')
    const head = [first]
    while (frames.length > 0 && !/^\s+at /.test(frames[0] as string)) head.push(frames.shift() as string)
    const own = frames.filter(frame => frame.includes(this.#file)).map(frame => this.#mapped(frame))
    return [...head, ...own].join('\n')
  }

  #mapped(frame: string): string {
    const at = /:(\d+):(\d+)(\)?)$/.exec(frame)
    if (at === null) return frame
    const entry = this.#sourceMap().findEntry(Number(at[1]) - 1, Number(at[2]) - 1)
    if (!('originalSource' in entry) || !entry.originalSource.startsWith('file:')) return frame
    const { originalSource, originalLine, originalColumn } = entry
    const where = `${fileURLToPath(originalSource)}:${originalLine + 1}:${originalColumn + 1}`
    return `${frame.slice(0, frame.indexOf(this.#file))}${where}${at[3]}`
  }

  #sourceMap(): SourceMap {
    this.#map ??= new SourceMap(payloadOf(this.#code))
    return this.#map
  }
}

function payloadOf(code: string): SourceMapPayload {
  const text = /\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)\s*$/.exec(code)?.[1]
  if (text === undefined)
    return { file: '', version: 3, sources: [], sourcesContent: [], names: [], mappings: '', sourceRoot: '' }
  return JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as SourceMapPayload
}
