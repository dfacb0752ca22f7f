import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Result } from '../support/result.js'
import type { ConfigError } from './config-error.js'
import type { SourceMap } from './source-map.js'
import type { Types } from './types.js'

export interface LoadOptions {
  readonly types: Types
  /** --config-path; its extension says how to read it. */
  readonly path?: string
  /** --config-yaml, merged over the file. */
  readonly yaml?: string
  /** --allow-unknown-static-fields: an unknown field is a warning, not an error. */
  readonly allowUnknownFields?: boolean
}

export interface LoadedBootstrap {
  readonly bootstrap: Bootstrap
  readonly sources: SourceMap
  /** Deprecated fields and, when allowed, unknown ones. */
  readonly warnings: readonly ConfigError[]
}
