import { createRequire, isBuiltin } from 'node:module'
import { compileFunction } from 'node:vm'
import { defineHttpFilter, type HttpFilterModule } from '../api/http-filter.js'

/** What `import … from 'nuncio'` gives inside a filter. */
const product = Object.freeze({ defineHttpFilter })

/**
 * Runs a bundled module and returns its default export. As a function of a script and not as a module: what the loader of ES modules has
 * loaded once it keeps for ever, and a filter that is edited all day must leave nothing behind.
 */
export function evaluateModule(code: string, file: string): unknown {
  const module: { exports: unknown } = { exports: {} }
  const run = compileFunction(code, ['module', 'exports', 'require', '__filename', '__dirname'], { filename: file })
  run.call(module.exports, module, module.exports, requireFor(file), file, file.slice(0, file.lastIndexOf('/')))
  const exported = module.exports as { readonly default?: unknown }
  return exported.default ?? exported
}

function requireFor(file: string): (name: string) => unknown {
  const fromFile = createRequire(file)
  return name => {
    if (name === 'nuncio') return product
    if (isBuiltin(name)) return fromFile(name)
    throw new Error(`cannot find '${name}': packages are bundled when the filter is loaded`)
  }
}

/** Why a module's default export is no filter; undefined when it is one. */
export function notAFilter(exported: unknown): string | undefined {
  if (typeof exported !== 'object' || exported === null || !('kind' in exported))
    return 'its default export is not what defineHttpFilter() returns'
  const { kind, name, config, create } = exported as Partial<HttpFilterModule>
  if (kind !== 'http-filter') return `its default export is of kind '${String(kind)}', not an HTTP filter`
  if (typeof name !== 'string' || name === '') return 'its definition has no name'
  if (typeof config !== 'object' && typeof config !== 'function') return 'its definition has no config schema'
  if (typeof create !== 'function') return 'its definition has no create()'
  return undefined
}
