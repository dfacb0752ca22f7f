import type { Place, PlanContext, PlanInit } from '../../../api/plan-context.js'
import type { CertificateUse } from '../../../api/secrets.js'
import { TlsCommon_Version, type TlsCommonSchema } from '../../../generated/plan_pb.js'
import {
  type TlsParameters,
  TlsParameters_CompliancePolicy,
  TlsParameters_TlsProtocol,
} from '../../../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import type {
  CommonTlsContext,
  TlsKeyLog,
} from '../../../generated/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { checkCipherSuites, checkParameters, compileCurves, compileSignatures } from './parameters.js'

type TlsCommonInit = PlanInit<typeof TlsCommonSchema>

const versions: Readonly<Record<TlsParameters_TlsProtocol, TlsCommon_Version>> = {
  [TlsParameters_TlsProtocol.TLS_AUTO]: TlsCommon_Version.AUTO,
  [TlsParameters_TlsProtocol.TLSv1_0]: TlsCommon_Version.TLS_1_0,
  [TlsParameters_TlsProtocol.TLSv1_1]: TlsCommon_Version.TLS_1_1,
  [TlsParameters_TlsProtocol.TLSv1_2]: TlsCommon_Version.TLS_1_2,
  [TlsParameters_TlsProtocol.TLSv1_3]: TlsCommon_Version.TLS_1_3,
}
const longestProtocol = 255
const longestProtocols = 65_535

/** What both sides share. `use`: what the context's own certificates are for. */
export function commonContext(
  config: CommonTlsContext | undefined,
  use: CertificateUse,
  at: Place,
  context: PlanContext,
): TlsCommonInit {
  const certificates = certificateSlots(config, use, at, context)
  const validation = validationSlot(config, at, context)
  context.secrets.context(certificates, validation)
  return {
    ...parameters(config?.tlsParams, at.field('tls_params')),
    alpn: alpnOf(config?.alpnProtocols ?? [], at.field('alpn_protocols')),
    certificateSlots: certificates,
    ...(validation !== undefined && { validationSlot: validation }),
    ...(config?.keyLog && { keyLog: keyLog(config.keyLog, at.field('key_log'), context) }),
  }
}

function parameters(params: TlsParameters | undefined, at: Place): TlsCommonInit {
  checkParameters(params, at)
  checkCipherSuites(params?.cipherSuites ?? [], at.field('cipher_suites'))
  const [policy] = params?.compliancePolicies ?? []
  if (policy !== undefined && policy !== TlsParameters_CompliancePolicy.FIPS_202205)
    at.field('compliance_policies').item(0).unsupported('compliance policies other than FIPS_202205')
  return {
    minVersion: versions[params?.tlsMinimumProtocolVersion ?? 0],
    maxVersion: versions[params?.tlsMaximumProtocolVersion ?? 0],
    cipherSuites: params?.cipherSuites ?? [],
    ecdhCurves: compileCurves(params?.ecdhCurves ?? [], at.field('ecdh_curves')),
    signatureAlgorithms: compileSignatures(params?.signatureAlgorithms ?? [], at.field('signature_algorithms')),
    compliance: policy === TlsParameters_CompliancePolicy.FIPS_202205 ? 1 : 0,
  }
}

/** Envoy joins the list by commas and takes it apart again, so that one entry may hold several. */
function alpnOf(list: readonly string[], at: Place): string[] {
  const text = list.join(',')
  const names = text === '' ? [] : text.split(',')
  const isBad = names.some(name => name === '' || Buffer.byteLength(name) > longestProtocol)
  if (isBad || Buffer.byteLength(text) >= longestProtocols)
    at.error('Invalid ALPN protocol string', `a protocol's name has 1 to ${longestProtocol} bytes`)
  return names
}

function keyLog(config: TlsKeyLog, at: Place, context: PlanContext): TlsCommonInit['keyLog'] {
  return {
    path: config.path,
    localRanges: context.cidrRanges(config.localAddressRange, at.field('local_address_range')),
    remoteRanges: context.cidrRanges(config.remoteAddressRange, at.field('remote_address_range')),
  }
}

function certificateSlots(
  config: CommonTlsContext | undefined,
  use: CertificateUse,
  at: Place,
  { secrets }: PlanContext,
): number[] {
  const inPlace = at.field('tls_certificates')
  const named = at.field('tls_certificate_sds_secret_configs')
  const own = config?.tlsCertificates ?? []
  if (own.length > 0) {
    return own.flatMap((certificate, index) => {
      const { certificateChain, privateKey, privateKeyProvider, pkcs12 } = certificate
      const isThere = certificateChain ?? privateKey ?? privateKeyProvider ?? pkcs12
      return isThere ? [secrets.certificate(certificate, use, inPlace.item(index))] : []
    })
  }
  return (config?.tlsCertificateSdsSecretConfigs ?? []).flatMap(
    (secret, index) => secrets.namedCertificate(secret, use, named.item(index)) ?? [],
  )
}

function validationSlot(config: CommonTlsContext | undefined, at: Place, { secrets }: PlanContext): number | undefined {
  const spec = config?.validationContextType
  switch (spec?.case) {
    case 'validationContext':
      return secrets.validation(spec.value, at.field('validation_context'))
    case 'validationContextSdsSecretConfig':
      return secrets.namedValidation(spec.value, at.field('validation_context_sds_secret_config'))
    case 'combinedValidationContext': {
      const { defaultValidationContext: context, validationContextSdsSecretConfig: named } = spec.value
      const inCombined = at.field('combined_validation_context')
      if (!context || !named) return undefined // refused by validation
      return secrets.namedValidation(named, inCombined.field('validation_context_sds_secret_config'), {
        context,
        at: inCombined.field('default_validation_context'),
      })
    }
    default:
      return undefined
  }
}
