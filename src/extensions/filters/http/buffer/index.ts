import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { BufferSchema } from '../../../../generated/filters/http/buffer/plan_pb.js'
import type {
  Buffer as BufferConfig,
  BufferPerRoute,
} from '../../../../generated/protos/envoy/extensions/filters/http/buffer/v3/buffer_pb.js'

const schema = 'envoy.extensions.filters.http.buffer.v3'

/** envoy.filters.http.buffer: the whole request before any of it goes on. */
const buffer = defineNativeHttpFilter<BufferConfig, BufferPerRoute>({
  name: 'envoy.filters.http.buffer',
  typeNames: [`${schema}.Buffer`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  isUpstreamToo: true,
  plan: config => toBinary(BufferSchema, create(BufferSchema, { maxRequestBytes: config.maxRequestBytes ?? 0 })),
  route: {
    typeNames: [`${schema}.BufferPerRoute`],
    plan: ({ override }) =>
      toBinary(
        BufferSchema,
        create(BufferSchema, {
          maxRequestBytes: override.case === 'buffer' ? (override.value.maxRequestBytes ?? 0) : 0,
          disabled: override.case === 'disabled',
        }),
      ),
  },
  policy: {
    [`${schema}.Buffer`]: whole('max_request_bytes'),
    [`${schema}.BufferPerRoute`]: { ...whole('disabled'), ...carried('buffer') },
  },
})

export default [buffer]
