/**
 * Tracers: what is done with spans that native code recorded. It decides which requests are traced, under which ids, and writes the headers
 * that carry them on; a tracer encodes finished spans and sends them. For built-in ones: not part of the API for users.
 */
import type { FilterContext } from './context.js'
import type { ConfigSchema, Configured } from './schema.js'

/** A finished span (native/tracing/span_record.h). Times are nanoseconds since the epoch, as decimal text. */
export interface SpanRecord {
  /** 16 or 32 hexadecimal digits. */
  readonly trace: string
  readonly id: string
  readonly parent?: string
  /** The trace came with the request. */
  readonly remote?: boolean
  readonly kind: 'client' | 'server'
  readonly name: string
  /** tracestate. */
  readonly state?: string
  readonly start: string
  readonly end: string
  /** name, value, name, value …; of a name that comes twice the last value counts. */
  readonly tags: readonly string[]
  /** time, text, time, text … */
  readonly events: readonly string[]
}

export interface TracerHooks {
  /** For each span, in the order they ended; some time after: 100 ms at most. */
  report(span: SpanRecord): void
}

export interface TracerDefinition<Config extends ConfigSchema = ConfigSchema> {
  /** Envoy's. */
  readonly name: string
  readonly config: Config
  /** Once per worker and version of the configuration. */
  create(config: Configured<Config>, context: FilterContext): TracerHooks
}

export type TracerModule<Config extends ConfigSchema = ConfigSchema> = TracerDefinition<Config> & {
  readonly kind: 'tracer'
}

export function defineTracer<Config extends ConfigSchema>(definition: TracerDefinition<Config>): TracerModule<Config> {
  return Object.freeze({ kind: 'tracer' as const, ...definition })
}
