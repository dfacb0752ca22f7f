import { create, toBinary } from '@bufbuild/protobuf'
import type { PlanContext } from '../../../api/plan-context.js'
import { DownstreamTls_OcspPolicy, DownstreamTlsSchema } from '../../../generated/plan_pb.js'
import {
  type DownstreamTlsContext,
  DownstreamTlsContext_OcspStaplePolicy,
} from '../../../generated/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { commonContext } from './context.js'

const policies: Readonly<Record<DownstreamTlsContext_OcspStaplePolicy, DownstreamTls_OcspPolicy>> = {
  [DownstreamTlsContext_OcspStaplePolicy.LENIENT_STAPLING]: DownstreamTls_OcspPolicy.LENIENT_STAPLING,
  [DownstreamTlsContext_OcspStaplePolicy.STRICT_STAPLING]: DownstreamTls_OcspPolicy.STRICT_STAPLING,
  [DownstreamTlsContext_OcspStaplePolicy.MUST_STAPLE]: DownstreamTls_OcspPolicy.MUST_STAPLE,
}

export function downstreamPlan(config: DownstreamTlsContext, context: PlanContext): Uint8Array {
  const policy = policies[config.ocspStaplePolicy]
  const inCommon = context.field('common_tls_context')
  const use = { isServer: true, mustStaple: policy === DownstreamTls_OcspPolicy.MUST_STAPLE }
  checkCertificates(config, context)
  checkClientCertificates(config, context)
  const keys = config.sessionTicketKeysType
  return toBinary(
    DownstreamTlsSchema,
    create(DownstreamTlsSchema, {
      common: commonContext(config.commonTlsContext, use, inCommon, context),
      requireClientCertificate: config.requireClientCertificate ?? false,
      ...ticketKeys(config, context),
      disableStatelessResumption: keys.case === 'disableStatelessSessionResumption' && keys.value,
      disableStatefulResumption: config.disableStatefulSessionResumption,
      ...(config.sessionTimeout && { sessionTimeoutS: Number(config.sessionTimeout.seconds) }),
      ocspStaplePolicy: policy,
      fullScanCertsOnSniMismatch: config.fullScanCertsOnSniMismatch ?? false,
      preferClientCiphers: config.preferClientCiphers,
    }),
  )
}

function checkCertificates(config: DownstreamTlsContext, context: PlanContext): void {
  const { tlsCertificates: own = [], tlsCertificateSdsSecretConfigs: named = [] } = config.commonTlsContext ?? {}
  if (own.length > 0 && named.length > 0)
    context.field('common_tls_context').error('SDS and non-SDS TLS certificates may not be mixed in server contexts')
  if (own.length + named.length === 0)
    context.error(
      'No TLS certificates found for server context',
      'write common_tls_context: {tls_certificates: [{certificate_chain: {filename: FILE}, private_key: {filename: FILE}}]}',
    )
}

function checkClientCertificates(config: DownstreamTlsContext, context: PlanContext): void {
  const hasValidation = config.commonTlsContext?.validationContextType.case !== undefined
  const place = context.field('require_client_certificate')
  if (config.requireClientCertificate === undefined && hasValidation)
    place.warning('not set, so a client without a certificate is let in although there is a validation context')
  if (config.requireClientCertificate === true && !hasValidation)
    place.warning('accepted, but any certificate will do: there is no validation context')
}

function ticketKeys(config: DownstreamTlsContext, context: PlanContext): { ticketKeysSlot?: number } {
  const keys = config.sessionTicketKeysType
  const slot =
    keys.case === 'sessionTicketKeys'
      ? context.secrets.ticketKeys(keys.value, context.field('session_ticket_keys'))
      : keys.case === 'sessionTicketKeysSdsSecretConfig'
        ? context.secrets.namedTicketKeys(keys.value, context.field('session_ticket_keys_sds_secret_config'))
        : undefined
  return slot === undefined ? {} : { ticketKeysSlot: slot }
}
