import type { ScriptKind } from '../api/script-module.js'

/** A filter in TypeScript as it goes from the compile thread over main to the workers: what to evaluate, and with which settings. */
export interface ScriptProgram {
  /** Hash of everything below; what plans of kind `script` are known by. */
  readonly id: string
  /** Where it stands: the slot of kind `script` is found by it. */
  readonly slotName: string
  /** As the configuration calls it: `acme.api_key`. */
  readonly name: string
  readonly kind: ScriptKind
  /** What its statistics' names begin with. */
  readonly statPrefix: string
  /** The module as one CommonJS text, with its source map. */
  readonly code: string
  /** The file it was made from, for stack traces and debuggers. */
  readonly file: string
  /** JSON text of the settings, as configured: the module's schema reads them. */
  readonly config: string
}
