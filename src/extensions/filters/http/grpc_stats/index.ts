import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { GrpcStatsSchema } from '../../../../generated/filters/http/grpc_stats/plan_pb.js'
import type { FilterConfig } from '../../../../generated/protos/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js'

const schema = 'envoy.extensions.filters.http.grpc_stats.v3'

/** envoy.filters.http.grpc_stats: counters of gRPC calls by service and method. */
const grpcStats = defineNativeHttpFilter<FilterConfig>({
  name: 'envoy.filters.http.grpc_stats',
  typeNames: [`${schema}.FilterConfig`],
  status: 'stable',
  securityPosture: 'unknown',
  plan: ({ perMethodStatSpecifier: methods, ...config }) =>
    toBinary(
      GrpcStatsSchema,
      create(GrpcStatsSchema, {
        allMethods: methods.case === 'statsForAllMethods' && methods.value.value,
        services:
          methods.case === 'individualMethodStatsAllowlist'
            ? methods.value.services.map(({ name, methodNames }) => ({ name, methods: methodNames }))
            : [],
        upstreamStats: config.enableUpstreamStats,
        replaceDots: config.replaceDotsInGrpcServiceName,
        emitFilterState: config.emitFilterState,
      }),
    ),
  policy: {
    [`${schema}.FilterConfig`]: {
      ...whole('emit_filter_state stats_for_all_methods enable_upstream_stats replace_dots_in_grpc_service_name'),
      ...carried('individual_method_stats_allowlist'),
    },
    'envoy.config.core.v3.GrpcMethodList': carried('services'),
    'envoy.config.core.v3.GrpcMethodList.Service': whole('name method_names'),
  },
})

export default [grpcStats]
