import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { PlanContext, PlanInit } from '../../../../api/plan-context.js'
import { DecompressorSchema, type DirectionSchema } from '../../../../generated/filters/http/decompressor/plan_pb.js'
import type {
  Decompressor,
  Decompressor_CommonDirectionConfig as Common,
} from '../../../../generated/protos/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.js'
import { compressionLibrary, decompressorLibraryPolicy, featureFlag } from '../common/compression-library.js'

const schema = 'envoy.extensions.filters.http.decompressor.v3'

/** envoy.filters.http.decompressor: bodies that come in gzip, brotli or zstd go on plain. */
const decompressor = defineNativeHttpFilter<Decompressor>({
  name: 'envoy.filters.http.decompressor',
  typeNames: [`${schema}.Decompressor`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan: decompressorPlan,
  policy: {
    [`${schema}.Decompressor`]: carried('decompressor_library request_direction_config response_direction_config'),
    [`${schema}.Decompressor.RequestDirectionConfig`]: {
      ...carried('common_config'),
      ...whole('advertise_accept_encoding'),
    },
    [`${schema}.Decompressor.ResponseDirectionConfig`]: carried('common_config'),
    [`${schema}.Decompressor.CommonDirectionConfig`]: whole('enabled ignore_no_transform_header'),
    ...decompressorLibraryPolicy,
  },
})

function decompressorPlan(config: Decompressor, context: PlanContext): Uint8Array {
  const { requestDirectionConfig: request, responseDirectionConfig: response } = config
  const place = context.field('decompressor_library')
  const library = compressionLibrary(config.decompressorLibrary, context, place)
  return toBinary(
    DecompressorSchema,
    create(DecompressorSchema, {
      ...(library && { library }),
      libraryName: config.decompressorLibrary?.name ?? '',
      request: direction(request?.commonConfig),
      response: direction(response?.commonConfig),
      advertise: request?.advertiseAcceptEncoding ?? true,
    }),
  )
}

function direction(config: Common | undefined): PlanInit<typeof DirectionSchema> {
  return { ...featureFlag(config?.enabled), ignoreNoTransform: config?.ignoreNoTransformHeader ?? false }
}

export default [decompressor]
