import { createRequire, isBuiltin } from 'node:module'
import { compileFunction } from 'node:vm'
import { defineAccessLogger } from '../api/access-logger.js'
import { defineHttpFilter } from '../api/http-filter.js'
import { defineListenerFilter } from '../api/listener-filter.js'
import { defineNetworkFilter } from '../api/network-filter.js'
import type { ScriptKind, ScriptModule } from '../api/script-module.js'

/** What `import … from 'nuncio'` gives inside a filter. */
const product = Object.freeze({ defineAccessLogger, defineHttpFilter, defineListenerFilter, defineNetworkFilter })

/** What each kind is called, and made by. */
const kinds: Readonly<Record<ScriptKind, readonly [text: string, maker: string]>> = {
  'http-filter': ['an HTTP filter', 'defineHttpFilter'],
  'network-filter': ['a network filter', 'defineNetworkFilter'],
  'listener-filter': ['a listener filter', 'defineListenerFilter'],
  'access-logger': ['an access logger', 'defineAccessLogger'],
  tracer: ['a tracer', 'defineTracer'],
}

/**
 * Runs a bundled module and returns its default export. As a function of a script and not as a module: what the loader of ES modules has
 * loaded once it keeps for ever, and a filter that is edited all day must leave nothing behind.
 */
export function evaluateModule(code: string, file: string): unknown {
  const module: { exports: unknown } = { exports: {} }
  // Debuggers show what was bundled beside the file it was made from.
  const filename = `${file}.js`
  const run = compileFunction(code, ['module', 'exports', 'require', '__filename', '__dirname'], { filename })
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
    return 'its default export is not what defineHttpFilter(), defineNetworkFilter(), defineListenerFilter() or defineAccessLogger() returns'
  const { kind, name, config, create } = exported as Partial<ScriptModule>
  if (!Object.hasOwn(kinds, String(kind))) return `its default export is of kind '${String(kind)}', which is no filter`
  if (typeof name !== 'string' || name === '') return 'its definition has no name'
  if (typeof config !== 'object' && typeof config !== 'function') return 'its definition has no config schema'
  if (typeof create !== 'function') return 'its definition has no create()'
  return undefined
}

/** Why a module of one kind cannot stand where another belongs; undefined when it is of that kind. */
export function notOfKind(kind: ScriptKind, wanted: ScriptKind): string | undefined {
  if (kind === wanted) return undefined
  const [text, maker] = kinds[wanted]
  return `the module is ${kinds[kind][0]}; ${text} belongs here, which ${maker}() makes`
}
