import { create, toBinary } from '@bufbuild/protobuf'
import type { PlanContext } from '../../../api/plan-context.js'
import { UpstreamTlsSchema } from '../../../generated/plan_pb.js'
import type { UpstreamTlsContext } from '../../../generated/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { commonContext } from './context.js'

const defaultSessionKeys = 1

export function upstreamPlan(config: UpstreamTlsContext, context: PlanContext): Uint8Array {
  const common = config.commonTlsContext
  if (config.sni.includes('\0')) context.field('sni').error('SNI names containing NULL-byte are not allowed')
  const count = (common?.tlsCertificates.length ?? 0) + (common?.tlsCertificateSdsSecretConfigs.length ?? 0)
  if (count > 1)
    context
      .field('common_tls_context')
      .error('Multiple TLS certificates are not supported for client contexts', 'write the one certificate to present')
  if (config.autoSniSanValidation && common?.validationContextType.case === undefined)
    context
      .field('auto_sni_san_validation')
      .error("'auto_sni_san_validation' was configured without a validation context", 'write validation_context')
  if (config.allowRenegotiation)
    context.field('allow_renegotiation').warning('accepted, but has no effect: TLS connections are not renegotiated')
  return toBinary(
    UpstreamTlsSchema,
    create(UpstreamTlsSchema, {
      common: commonContext(
        common,
        { isServer: false, mustStaple: false },
        context.field('common_tls_context'),
        context,
      ),
      sni: config.sni,
      autoHostSni: config.autoHostSni,
      autoSniSanValidation: config.autoSniSanValidation,
      allowRenegotiation: config.allowRenegotiation,
      maxSessionKeys: config.maxSessionKeys ?? defaultSessionKeys,
      enforceRsaKeyUsage: config.enforceRsaKeyUsage ?? false,
    }),
  )
}
