/** For the tests of this folder: a bootstrap's text in, the compiler's answer out. */
import type { NativeExtension } from '../api/native.js'
import type { ExtensionRegistry } from '../api/registry.js'
import { type ConfigError, loadBootstrap, openTypes, printConfigError } from '../config/index.js'
import { makeExtensionRegistry } from '../config/extension-registry.js'
import { ScriptLoader } from '../script/loader.js'
import { systemFiles } from '../support/files.js'
import { type CompiledConfig, compileBootstrap, type CompileDeps } from './compile.js'
import { Slots, type SlotTable } from './ids.js'

export const types = openTypes()

export type Answer =
  | { readonly config: CompiledConfig; readonly errors?: undefined; readonly warnings: readonly string[] }
  | { readonly config?: undefined; readonly errors: readonly ConfigError[]; readonly warnings: readonly string[] }

/** YAML or JSON text, or a path. */
export type Source = { readonly yaml: string } | { readonly path: string }

export function compilerWith(extensions: readonly NativeExtension[]): (source: Source, slots?: SlotTable) => Answer {
  const registry = makeExtensionRegistry(extensions)
  return (source, slots) => compile(source, registry, slots)
}

function compile(source: Source, registry: ExtensionRegistry, slots: SlotTable | undefined): Answer {
  const loaded = loadBootstrap({ types, ...source })
  if (!loaded.ok) return { errors: loaded.error, warnings: [] }
  const { bootstrap, sources } = loaded.value
  const answer = compileBootstrap(bootstrap, { ...depsWith(registry, slots), sources })
  if (!answer.ok) return { errors: answer.error, warnings: [] }
  return { config: answer.value, warnings: answer.value.warnings.map(warning => printConfigError(warning, 'warning')) }
}

function depsWith(registry: ExtensionRegistry, slots?: SlotTable): CompileDeps {
  return {
    types,
    registry,
    slots: new Slots(slots),
    files: systemFiles,
    environment: { GREETING: 'hello' },
    checkRegex,
    node: { id: 'node-1', cluster: 'cluster-1' },
    scripts: new ScriptLoader(process.cwd()),
    backlog: 4096,
  }
}

/** For resources that are compiled alone. */
export const compileDeps = (extensions: readonly NativeExtension[]): CompileDeps =>
  depsWith(makeExtensionRegistry(extensions))

/** RE2 lives in the addon, which unit tests do without: close enough for patterns that both refuse. */
function checkRegex(pattern: string): string | undefined {
  if (/\(\?[=!<]/.test(pattern)) return 'invalid perl operator'
  try {
    new RegExp(pattern)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
