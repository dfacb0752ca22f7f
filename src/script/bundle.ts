import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BuildFailure, BuildResult } from 'esbuild'
import { fileDigest } from '../support/files.js'
import { err, ok, type Result } from '../support/result.js'
import { bundleOptions } from './bundle-options.js'

/** A module and all it imports as one text. */
export interface Bundled {
  readonly code: string
  readonly file: string
  /** Every file it was made from with the digest of its contents, for who wants to know of changes. */
  readonly inputs: ReadonlyMap<string, string>
}

/**
 * Makes one CommonJS text of a module: TypeScript becomes JavaScript, imports of files and packages are taken in, those of Node's own modules
 * and of `nuncio` stay. `folder`: what a relative path, or a package, is looked for from.
 */
export function bundleModule(module: string, folder: string): Result<Bundled, string> {
  const file = resolveModule(module, folder)
  if (!file.ok) return file
  const require = createRequire(import.meta.url)
  // Loaded here and not above: most configurations have no such filter.
  const esbuild = require('esbuild') as typeof import('esbuild')
  try {
    const result = esbuild.buildSync({
      entryPoints: [file.value],
      absWorkingDir: folder,
      ...bundleOptions,
      sourcemap: 'external',
      write: false,
      format: 'cjs',
      external: ['nuncio', 'nuncio/*'],
      metafile: true,
      outfile: '/bundle.js',
    })
    const [map, code] = ['/bundle.js.map', '/bundle.js'].map(
      name => result.outputFiles.find(output => output.path === name)?.text ?? '',
    ) as [string, string]
    return ok({ code: code + inlineMap(map), file: file.value, inputs: inputsOf(result, folder) })
  } catch (error) {
    return err(failureText(error as BuildFailure))
  }
}

function resolveModule(module: string, folder: string): Result<string, string> {
  if (module.startsWith('.') || path.isAbsolute(module)) return ok(path.resolve(folder, module))
  try {
    return ok(createRequire(path.join(folder, 'config')).resolve(module))
  } catch {
    return err(
      `cannot find the package '${module}' from ${folder}; a file is written with its path, as in "./filters/${path.basename(module)}"`,
    )
  }
}

/** The source map as a comment. Of packages it keeps no text: nobody debugs those here, and they are most of it. */
function inlineMap(text: string): string {
  const map = JSON.parse(text) as { sources: string[]; sourcesContent?: (string | null)[] }
  const sourcesContent = map.sourcesContent?.map((content, i) =>
    map.sources[i]?.includes('node_modules/') ? null : content,
  )
  // From where the bundle is said to be written; debuggers look for files where they are.
  const sources = map.sources.map(source => pathToFileURL(path.resolve('/', source)).href)
  const bytes = Buffer.from(JSON.stringify({ ...map, sources, sourcesContent }))
  return `\n//# sourceMappingURL=data:application/json;base64,${bytes.toString('base64')}\n`
}

function inputsOf(result: BuildResult<{ metafile: true }>, folder: string): ReadonlyMap<string, string> {
  const files = Object.keys(result.metafile.inputs).map(input => path.resolve(folder, input))
  return new Map(files.map(file => [file, fileDigest(readFileSync(file))]))
}

function failureText(failure: BuildFailure): string {
  const errors = failure.errors as BuildFailure['errors'] | undefined
  if (errors === undefined || errors.length === 0) return failure.message
  return errors
    .map(({ text, location }) =>
      location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
    )
    .join('; ')
}
