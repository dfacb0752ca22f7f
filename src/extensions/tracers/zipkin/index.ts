import type { JsonObject } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../api/field-policy.js'
import type { PlanContext } from '../../../api/plan-context.js'
import { defineTypeScriptTracer } from '../../../api/typescript-tracer.js'
import { Tracer_Kind } from '../../../generated/plan_pb.js'
import {
  type ZipkinConfig,
  ZipkinConfig_CollectorEndpointVersion as Version,
  ZipkinConfig_TraceContextOption as ContextOption,
} from '../../../generated/protos/envoy/config/trace/v3/zipkin_pb.js'
import { type HttpTarget, httpTarget } from '../common/http-target.js'
import type { ZipkinSettings } from './settings.js'

const name = 'envoy.tracers.zipkin'

/** envoy.tracers.zipkin: B3 headers, and spans in Zipkin's format to a collector. */
const zipkin = defineTypeScriptTracer<ZipkinConfig>({
  name,
  typeNames: ['envoy.config.trace.v3.ZipkinConfig'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    'envoy.config.trace.v3.ZipkinConfig': {
      ...whole(
        'collector_cluster collector_endpoint collector_endpoint_version collector_hostname trace_id_128bit shared_span_context',
      ),
      ...whole('split_spans_for_request trace_context_option'),
      ...carried('collector_service'),
      ...later('timestamp_trace_ids', 'trace ids that begin with the time'),
    },
  },
  folder: 'tracers/zipkin',
  statPrefix: 'tracing.zipkin',
  settings: (config, context) => settings(config, context) as unknown as JsonObject,
  tracer: config => ({
    kind: Tracer_Kind.ZIPKIN,
    sharedSpanContext: config.sharedSpanContext ?? true,
    traceId128bit: config.traceId128bit,
    splitSpansForRequest: config.splitSpansForRequest,
    w3c: config.traceContextOption === ContextOption.USE_B3_WITH_W3C_PROPAGATION,
  }),
})

function settings(config: ZipkinConfig, context: PlanContext): ZipkinSettings {
  const target = collector(config, context)
  if (target.cluster !== '') context.checkCluster(target.cluster, name, context)
  const version = config.collectorEndpointVersion
  if (version === Version.DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE)
    context
      .field('collector_endpoint_version')
      .error(
        "Using the default now-deprecated value DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE for enum 'envoy.config.trace.v3.ZipkinConfig.collector_endpoint_version'",
        'write HTTP_JSON or HTTP_PROTO',
      )
  if (version === Version.GRPC) context.field('collector_endpoint_version').unsupported('spans for Zipkin over gRPC')
  return {
    ...target,
    format: version === Version.HTTP_PROTO ? 'proto' : 'json',
    isShared: config.sharedSpanContext ?? true,
    serviceName: context.node.cluster,
  }
}

function collector(config: ZipkinConfig, context: PlanContext): HttpTarget {
  const { collectorService, collectorCluster: cluster, collectorEndpoint: path, collectorHostname: host } = config
  if (collectorService) return httpTarget(collectorService, context.field('collector_service'))
  if (cluster === '' || path === '')
    context.error('collector_cluster and collector_endpoint must be specified when not using collector_service')
  return { cluster, path, authority: host === '' ? cluster : host, headers: [] }
}

export default [zipkin]
