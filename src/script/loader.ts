import { fromJson } from '@bufbuild/protobuf'
import { standardFields } from '../api/access-logger.js'
import type { ConfigSchema } from '../api/schema.js'
import type { ScriptKind, ScriptModule } from '../api/script-module.js'
import { err, ok, type Result } from '../support/result.js'
import { type Bundled, bundleModule } from './bundle.js'
import { evaluateModule, notAFilter } from './module.js'
import { type ConfigReader, configReader } from './read-config.js'
import { StackMapper } from './stack.js'

/** A module as the compiler knows it. */
export interface LoadedScript {
  readonly bundled: Bundled
  /** The name in its definition. */
  readonly name: string
  readonly kind: ScriptKind
  readonly readConfig: ConfigReader
  /** Undefined: it takes no settings for routes. */
  readonly readRouteConfig: ConfigReader | undefined
  /** Of an access logger: the members of its entries and their formats; `config` as the schema gave it. Throws what the definition throws. */
  readonly logFields: (config: unknown) => Readonly<Record<string, unknown>>
}

/** Loads the modules that a configuration names, each once. */
export class ScriptLoader {
  readonly #folder: string
  readonly #loaded = new Map<string, Result<LoadedScript, string>>()
  readonly #inputs = new Map<string, string>()

  /** `folder`: where relative paths start. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** Files whose change makes a new version of some module, with their digests. */
  get inputs(): ReadonlyMap<string, string> {
    return this.#inputs
  }

  /** One that was loaded, by its file. */
  loaded(file: string): LoadedScript | undefined {
    for (const one of this.#loaded.values()) if (one.ok && one.value.bundled.file === file) return one.value
    return undefined
  }

  load(module: string): Result<LoadedScript, string> {
    const known = this.#loaded.get(module)
    if (known !== undefined) return known
    const bundled = bundleModule(module, this.#folder)
    const loaded = bundled.ok ? describe(bundled.value) : bundled
    if (bundled.ok) for (const [file, digest] of bundled.value.inputs) this.#inputs.set(file, digest)
    this.#loaded.set(module, loaded)
    return loaded
  }
}

/** Runs the module: what it says of its settings is needed to check them. Its `create` is for the workers. */
function describe(bundled: Bundled): Result<LoadedScript, string> {
  let exported: unknown
  try {
    exported = evaluateModule(bundled.code, bundled.file)
  } catch (error) {
    return err(`${bundled.file} cannot be loaded: ${new StackMapper(bundled.file, bundled.code).describe(error)}`)
  }
  const problem = notAFilter(exported)
  if (problem !== undefined) return err(`${bundled.file}: ${problem}`)
  const definition = exported as ScriptModule
  const { name, kind, config } = definition
  const { routeConfig } = definition as unknown as { readonly routeConfig?: ConfigSchema }
  return ok({
    bundled,
    name,
    kind,
    readConfig: configReader(config, fromJson),
    readRouteConfig: routeConfig === undefined ? undefined : configReader(routeConfig, fromJson),
    logFields: settings => logFields(definition, settings),
  })
}

function logFields(definition: ScriptModule, settings: unknown): Readonly<Record<string, unknown>> {
  if (definition.kind !== 'access-logger') return {}
  const { fields = standardFields } = definition as { readonly fields?: unknown }
  const made: unknown = typeof fields === 'function' ? (fields as (config: unknown) => unknown)(settings) : fields
  if (typeof made !== 'object' || made === null) throw new TypeError('the fields of an access logger must be an object')
  return made as Readonly<Record<string, unknown>>
}
