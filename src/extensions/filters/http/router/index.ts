import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { RouterSchema } from '../../../../generated/plan_pb.js'
import type { Router } from '../../../../generated/protos/envoy/extensions/filters/http/router/v3/router_pb.js'

/** envoy.filters.http.router: the end of every HTTP filter chain; its code is native/http_proxy/router_filter. */
const router = defineNativeHttpFilter<Router>({
  name: 'envoy.filters.http.router',
  typeNames: ['envoy.extensions.filters.http.router.v3.Router'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  isTerminal: true,
  plan(config, context) {
    return toBinary(
      RouterSchema,
      create(RouterSchema, {
        dynamicStats: config.dynamicStats ?? true,
        suppressEnvoyHeaders: config.suppressEnvoyHeaders,
        strictCheckHeaders: config.strictCheckHeaders.map(name => name.toLowerCase()),
        respectExpectedRqTimeout: config.respectExpectedRqTimeout,
        upstreamLogs: context.accessLogs(config.upstreamLog, context.field('upstream_log')),
        startChildSpan: config.startChildSpan,
        suppressGrpcRequestFailureCodeStats: config.suppressGrpcRequestFailureCodeStats,
        upstreamHttpFilters: context.upstreamHttpFilters(
          config.upstreamHttpFilters,
          context.field('upstream_http_filters'),
        ),
      }),
    )
  },
})

export default [router]
