import type { Message } from '@bufbuild/protobuf'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import type { HeaderMutationSchema, IpDetectionSchema } from '../../../../generated/plan_pb.js'
import type { TypedExtensionConfig } from '../../../../generated/protos/envoy/config/core/v3/extension_pb.js'
import type { HeaderMutation } from '../../../../generated/protos/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js'
import type { CustomHeaderConfig } from '../../../../generated/protos/envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header_pb.js'
import type { XffConfig } from '../../../../generated/protos/envoy/extensions/http/original_ip_detection/xff/v3/xff_pb.js'
import type { HttpConnectionManager } from '../../../../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'

type Detection = PlanInit<typeof IpDetectionSchema>
type Mutation = PlanInit<typeof HeaderMutationSchema>

const detections = 'envoy.extensions.http.original_ip_detection'
const earlyMutation = 'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation'
const defaultRejection = 403

/** original_ip_detection_extensions. */
export function ipDetections(config: HttpConnectionManager, context: PlanContext): Detection[] {
  const list = config.originalIpDetectionExtensions
  const at = context.field('original_ip_detection_extensions')
  if (list.length > 0 && config.useRemoteAddress)
    at.error('Original IP detection extensions and use_remote_address may not be mixed')
  if (list.length > 0 && config.xffNumTrustedHops > 0)
    at.error('Original IP detection extensions and xff_num_trusted_hops may not be mixed')
  return list.flatMap((entry, index) => {
    const place = at.item(index).field('typed_config')
    const unpacked = entry.typedConfig && context.unpack(entry.typedConfig, place)
    if (unpacked?.typeName === `${detections}.custom_header.v3.CustomHeaderConfig`)
      return [customHeader(unpacked.message as Message & CustomHeaderConfig)]
    if (unpacked?.typeName === `${detections}.xff.v3.XffConfig`)
      return [forwardedFor(unpacked.message as Message & XffConfig, context, place)]
    return []
  })
}

function customHeader(config: CustomHeaderConfig): Detection {
  const status = config.rejectWithStatus?.code
  const isError = status !== undefined && status >= 400 && status <= 511
  return {
    header: config.headerName.toLowerCase(),
    trusted: config.allowExtensionToSetAddressAsTrusted,
    rejectStatus: status === undefined ? 0 : isError ? status : defaultRejection,
  }
}

function forwardedFor(config: XffConfig, context: PlanContext, at: Place): Detection {
  const cidrs = config.xffTrustedCidrs?.cidrs ?? []
  if (cidrs.length > 0 && config.xffNumTrustedHops > 0)
    at.error('Cannot set both xff_num_trusted_hops and xff_trusted_cidrs')
  return {
    xffHops: config.xffNumTrustedHops,
    trustedCidrs: context.cidrRanges(cidrs, at.field('xff_trusted_cidrs').field('cidrs')),
    append: !(config.skipXffAppend ?? true),
  }
}

/** early_header_mutation_extensions. */
export function earlyMutations(list: readonly TypedExtensionConfig[], context: PlanContext): Mutation[] {
  const at = context.field('early_header_mutation_extensions')
  return list.flatMap((entry, index) => {
    const place = at.item(index).field('typed_config')
    const unpacked = entry.typedConfig && context.unpack(entry.typedConfig, place)
    if (unpacked?.typeName !== earlyMutation) return []
    const { mutations } = unpacked.message as Message & HeaderMutation
    return context.headerMutations(mutations, place.field('mutations'))
  })
}
