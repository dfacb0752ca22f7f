import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { PolicySchema } from '../../../../generated/filters/http/cors/plan_pb.js'
import type { Cors, CorsPolicy } from '../../../../generated/protos/envoy/extensions/filters/http/cors/v3/cors_pb.js'

const schema = 'envoy.extensions.filters.http.cors.v3'

/** envoy.filters.http.cors: answers preflight requests and names the origins that may read an answer. */
const cors = defineNativeHttpFilter<Cors, CorsPolicy>({
  name: 'envoy.filters.http.cors',
  typeNames: [`${schema}.Cors`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: () => new Uint8Array(),
  route: {
    typeNames: [`${schema}.CorsPolicy`],
    plan: (policy, context) =>
      toBinary(
        PolicySchema,
        create(PolicySchema, {
          origins: policy.allowOriginStringMatch.map((matcher, index) =>
            context.stringMatcher(matcher, context.field('allow_origin_string_match').item(index)),
          ),
          methods: policy.allowMethods,
          headers: policy.allowHeaders,
          exposeHeaders: policy.exposeHeaders,
          maxAge: policy.maxAge,
          ...(policy.allowCredentials !== undefined && { credentials: policy.allowCredentials }),
          ...(policy.filterEnabled && { enabled: context.fraction(policy.filterEnabled) }),
          ...(policy.shadowEnabled && { shadow: context.fraction(policy.shadowEnabled) }),
          ...(policy.allowPrivateNetworkAccess !== undefined && { privateNetwork: policy.allowPrivateNetworkAccess }),
          ...(policy.forwardNotMatchingPreflights !== undefined && {
            forwardNotMatching: policy.forwardNotMatchingPreflights,
          }),
        }),
      ),
  },
  policy: {
    [`${schema}.Cors`]: {},
    [`${schema}.CorsPolicy`]: {
      ...carried('allow_origin_string_match filter_enabled shadow_enabled'),
      ...whole('allow_methods allow_headers expose_headers max_age allow_credentials'),
      ...whole('allow_private_network_access forward_not_matching_preflights'),
    },
  },
})

export default [cors]
