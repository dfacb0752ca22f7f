import type { JsonObject } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../api/field-policy.js'
import type { Place, PlanContext } from '../../../api/plan-context.js'
import { defineTypeScriptTracer } from '../../../api/typescript-tracer.js'
import { Tracer_Kind } from '../../../generated/plan_pb.js'
import type { GrpcService } from '../../../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import type { OpenTelemetryConfig } from '../../../generated/protos/envoy/config/trace/v3/opentelemetry_pb.js'
import { httpTarget } from '../common/http-target.js'
import { resourceOf } from './resource.js'
import { samplerOf } from './sampler.js'
import type { GrpcExporter, OpenTelemetrySettings } from './settings.js'

const name = 'envoy.tracers.opentelemetry'
const samplers = 'envoy.extensions.tracers.opentelemetry.samplers.v3'
const detectors = 'envoy.extensions.tracers.opentelemetry.resource_detectors.v3'
const defaultMost = 1024

/** envoy.tracers.opentelemetry: W3C trace context, and spans by OTLP. */
const openTelemetry = defineTypeScriptTracer<OpenTelemetryConfig>({
  name,
  typeNames: ['envoy.config.trace.v3.OpenTelemetryConfig'],
  status: 'wip',
  securityPosture: 'unknown',
  policy: {
    'envoy.config.trace.v3.OpenTelemetryConfig': {
      ...whole('service_name max_cache_size set_telemetry_sdk_resource_attributes set_service_name_resource_attribute'),
      ...whole('set_instrumentation_scope grpc_service'),
      ...carried('http_service resource_detectors sampler'),
      ...later('exporter', 'exporters of OpenTelemetry spans'),
    },
    [`${samplers}.AlwaysOnSamplerConfig`]: {},
    [`${samplers}.TraceIdRatioBasedSamplerConfig`]: whole('sampling_percentage'),
    [`${samplers}.ParentBasedSamplerConfig`]: carried('wrapped_sampler'),
    [`${detectors}.EnvironmentResourceDetectorConfig`]: {},
    [`${detectors}.StaticConfigResourceDetectorConfig`]: whole('attributes'),
  },
  folder: 'tracers/opentelemetry',
  statPrefix: 'tracing.opentelemetry',
  settings: (config, context) => settings(config, context) as unknown as JsonObject,
  tracer(config, context) {
    const sampler = config.sampler && samplerOf(config.sampler, context, context.field('sampler'))
    return { kind: Tracer_Kind.OPENTELEMETRY, sampler: sampler ? [sampler] : [] }
  },
})

function settings(config: OpenTelemetryConfig, context: PlanContext): OpenTelemetrySettings {
  if (config.grpcService && config.httpService)
    context.error(
      'OpenTelemetry Tracer cannot have both gRPC and HTTP exporters configured. OpenTelemetry tracer will be disabled.',
    )
  const { version } = context
  const grpc = config.grpcService && grpcExporter(config.grpcService, context, context.field('grpc_service'))
  return {
    ...(config.httpService && { http: http(config.httpService, context, context.field('http_service')) }),
    ...(grpc && { grpc }),
    resource: resourceOf(config, version, context),
    scopeVersion: config.setInstrumentationScope === false ? '' : version,
    userAgent: `OTel-OTLP-Exporter-Envoy/${version}`,
    most: config.maxCacheSize ?? defaultMost,
  }
}

type HttpService = NonNullable<OpenTelemetryConfig['httpService']>

function http(config: HttpService, context: PlanContext, at: Place): NonNullable<OpenTelemetrySettings['http']> {
  const timeout = context.milliseconds(config.httpUri?.timeout, 0, at.field('http_uri').field('timeout'))
  return { ...httpTarget(config, at), timeoutMs: timeout }
}

function grpcExporter(config: GrpcService, context: PlanContext, at: Place): GrpcExporter | undefined {
  const target = config.targetSpecifier
  if (target.case !== 'envoyGrpc') {
    at.field('google_grpc').unsupported('gRPC services outside of the clusters')
    return undefined
  }
  if (config.retryPolicy) at.field('retry_policy').warning('has no effect: spans are sent once')
  const { clusterName: cluster, authority } = target.value
  context.checkCluster(cluster, 'Unknown gRPC client cluster', at.field('envoy_grpc').field('cluster_name'))
  return {
    cluster,
    authority: authority === '' ? cluster : authority,
    timeoutMs: context.milliseconds(config.timeout, 0, at.field('timeout')),
    metadata: config.initialMetadata.map(({ key, value }) => [key.toLowerCase(), value]),
  }
}

export default [openTelemetry]
