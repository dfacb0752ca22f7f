import type { Message } from '@bufbuild/protobuf'
import type { Place, PlanContext, PlanInit } from '../../../api/plan-context.js'
import { Sampler_Kind, type SamplerSchema } from '../../../generated/plan_pb.js'
import type { TypedExtensionConfig } from '../../../generated/protos/envoy/config/core/v3/extension_pb.js'
import type { ParentBasedSamplerConfig } from '../../../generated/protos/envoy/extensions/tracers/opentelemetry/samplers/v3/parent_based_sampler_pb.js'
import type { TraceIdRatioBasedSamplerConfig } from '../../../generated/protos/envoy/extensions/tracers/opentelemetry/samplers/v3/trace_id_ratio_based_sampler_pb.js'

type SamplerInit = PlanInit<typeof SamplerSchema>

const samplers = 'envoy.extensions.tracers.opentelemetry.samplers.v3'

/** Undefined: it is one to come, which the field walk refuses. */
export function samplerOf(config: TypedExtensionConfig, context: PlanContext, at: Place): SamplerInit | undefined {
  const place = at.field('typed_config')
  const unpacked = config.typedConfig && context.unpack(config.typedConfig, place)
  switch (unpacked?.typeName) {
    case `${samplers}.AlwaysOnSamplerConfig`:
      return { kind: Sampler_Kind.ALWAYS_ON }
    case `${samplers}.TraceIdRatioBasedSamplerConfig`: {
      const { samplingPercentage } = unpacked.message as Message & TraceIdRatioBasedSamplerConfig
      return { kind: Sampler_Kind.TRACE_ID_RATIO, ratio: context.percentage(samplingPercentage) }
    }
    case `${samplers}.ParentBasedSamplerConfig`: {
      const { wrappedSampler } = unpacked.message as Message & ParentBasedSamplerConfig
      const root = wrappedSampler && samplerOf(wrappedSampler, context, place.field('wrapped_sampler'))
      return { kind: Sampler_Kind.PARENT_BASED, root: root ? [root] : [] }
    }
    default:
      return undefined
  }
}
