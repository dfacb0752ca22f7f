import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeListenerFilter } from '../../../../api/native.js'
import { ProxyProtocolListenerSchema } from '../../../../generated/plan_pb.js'
import {
  ProxyProtocolConfig_Version,
  ProxyProtocolPassThroughTLVs_PassTLVsMatchType,
} from '../../../../generated/protos/envoy/config/core/v3/proxy_protocol_pb.js'
import {
  type ProxyProtocol,
  ProxyProtocol_KeyValuePair_ValueStringEncoding,
  ProxyProtocol_TlvLocation,
} from '../../../../generated/protos/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js'

const defaultNamespace = 'envoy.filters.listener.proxy_protocol'

/** envoy.filters.listener.proxy_protocol: takes the client's address from a PROXY header. */
const proxyProtocol = defineNativeListenerFilter<ProxyProtocol>({
  name: defaultNamespace,
  typeNames: ['envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: config => {
    const kept = config.passThroughTlvs
    return toBinary(
      ProxyProtocolListenerSchema,
      create(ProxyProtocolListenerSchema, {
        statScope: config.statPrefix === '' ? 'proxy_proto' : `proxy_proto.${config.statPrefix}`,
        allowWithout: config.allowRequestsWithoutProxyProtocol,
        disallowV1: config.disallowedVersions.includes(ProxyProtocolConfig_Version.V1),
        disallowV2: config.disallowedVersions.includes(ProxyProtocolConfig_Version.V2),
        // A rule without on_tlv_present does nothing.
        rules: config.rules.flatMap(({ tlvType, onTlvPresent }) =>
          onTlvPresent
            ? [
                {
                  type: tlvType,
                  metadataNamespace: onTlvPresent.metadataNamespace || defaultNamespace,
                  key: onTlvPresent.key,
                  base64: onTlvPresent.valueStringEncoding === ProxyProtocol_KeyValuePair_ValueStringEncoding.BASE64,
                },
              ]
            : [],
        ),
        toFilterState: config.tlvLocation === ProxyProtocol_TlvLocation.FILTER_STATE,
        keepAllTlvs: kept?.matchType === ProxyProtocolPassThroughTLVs_PassTLVsMatchType.INCLUDE_ALL,
        keepTlvs: kept?.tlvType ?? [],
      }),
    )
  },
})

export default [proxyProtocol]
