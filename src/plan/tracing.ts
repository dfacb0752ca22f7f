import { fromBinary } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import { TracerSchema } from '../generated/plan_pb.js'
import type { Tracing_Http as Provider } from '../generated/protos/envoy/config/trace/v3/http_tracer_pb.js'
import type {
  Decorator,
  Tracing as RouteTracing,
} from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { HttpConnectionManager_Tracing as ManagerTracing } from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { CustomTag } from '../generated/protos/envoy/type/tracing/v3/custom_tag_pb.js'
import type { FractionalPercent } from '../generated/protos/envoy/type/v3/percent_pb.js'
import type { Compilation } from './compilation.js'
import { FilterContext } from './filter-context.js'
import type { CustomTagInit, FormatInit, FractionInit, RouteInit, TracerInit, TracingInit } from './init.js'
import { fraction } from './matcher.js'

const defaultPathLength = 256
const million = 1_000_000

export const runtimeKeys = {
  client: 'tracing.client_enabled',
  random: 'tracing.random_sampling',
  overall: 'tracing.global_enabled',
} as const

/** HttpConnectionManager.tracing. `owner`: the manager's chain. */
export function managerTracing(
  config: ManagerTracing,
  at: Place,
  compilation: Compilation,
  owner: string,
): TracingInit {
  const { formats } = compilation
  const provider = config.provider ?? compilation.environment.bootstrap.tracing?.http
  const tracing: TracingInit = {
    clientSampling: ofHundred(config.clientSampling?.value),
    randomSampling: ofTenThousand(config.randomSampling?.value, runtimeKeys.random),
    overallSampling: ofTenThousand(config.overallSampling?.value, runtimeKeys.overall),
    verbose: config.verbose,
    maxPathTagLength: config.maxPathTagLength ?? defaultPathLength,
    spawnUpstreamSpan: config.spawnUpstreamSpan ?? false,
    noContextPropagation: config.noContextPropagation,
    tags: formats.customTags(config.customTags, at.field('custom_tags')),
    ...operations(config, at, formats),
  }
  const made = provider && tracer(provider, at.field('provider'), compilation, owner)
  if (made) tracing.tracer = made
  return tracing
}

/** A whole percentage, what is behind the point cut off, as in Envoy. */
function ofHundred(percent = 100): FractionInit {
  return { ppm: Math.min(100, Math.trunc(percent)) * (million / 100), denominator: 100, runtimeKey: runtimeKeys.client }
}

function ofTenThousand(percent = 100, runtimeKey: string): FractionInit {
  return { ppm: Math.round(percent * 100) * 100, denominator: 10_000, runtimeKey }
}

export interface TracingTools {
  format(text: string, at: Place): FormatInit
  customTags(tags: readonly CustomTag[], at: Place): CustomTagInit[]
}

interface Operations {
  readonly operation: string
  readonly upstreamOperation: string
}

function operations(
  { operation, upstreamOperation }: Operations,
  at: Place,
  { format }: Pick<TracingTools, 'format'>,
): Pick<TracingInit, 'operation' | 'upstreamOperation'> {
  return {
    ...(operation !== '' && { operation: format(operation, at.field('operation')) }),
    ...(upstreamOperation !== '' && {
      upstreamOperation: format(upstreamOperation, at.field('upstream_operation')),
    }),
  }
}

/** What a route says of tracing. */
export function routeTracing(
  config: { readonly tracing?: RouteTracing | undefined; readonly decorator?: Decorator | undefined },
  at: Place,
  tools: TracingTools,
): Pick<RouteInit, 'tracing' | 'decorator'> {
  const { tracing, decorator } = config
  const place = at.field('tracing')
  const part = (percent: FractionalPercent | undefined, key: string): FractionInit =>
    percent ? fraction(percent, key) : { ppm: million, denominator: 100, runtimeKey: key }
  return {
    ...(tracing && {
      tracing: {
        clientSampling: part(tracing.clientSampling, runtimeKeys.client),
        randomSampling: part(tracing.randomSampling, runtimeKeys.random),
        overallSampling: part(tracing.overallSampling, runtimeKeys.overall),
        tags: tools.customTags(tracing.customTags, place.field('custom_tags')),
        ...operations(tracing, place, tools),
      },
    }),
    ...(decorator && { decorator: { operation: decorator.operation, propagate: decorator.propagate ?? true } }),
  }
}

/** Undefined: an error was reported. */
function tracer(provider: Provider, at: Place, compilation: Compilation, owner: string): TracerInit | undefined {
  if (provider.configType.case !== 'typedConfig') {
    at.error(`Didn't find a registered implementation for '${provider.name}' without a typed_config`)
    return undefined
  }
  const place = at.field('typed_config')
  const unpacked = compilation.unpack(provider.configType.value, place)
  const definition = unpacked && compilation.deps.registry.byType('envoy.tracers', unpacked.typeName)
  if (!unpacked) return undefined
  if (!definition?.plan) {
    // The field walk has not come to the bootstrap's.
    compilation.walk.message(unpacked.message, place)
    return undefined
  }
  const context = new FilterContext(compilation, place, owner, definition.name)
  const { $typeName: _, $unknown: __, ...made } = fromBinary(TracerSchema, definition.plan(unpacked.message, context))
  const { node } = compilation.environment.bootstrap
  return { ...made, nodeId: node?.id ?? '', zone: node?.locality?.zone ?? '' }
}
