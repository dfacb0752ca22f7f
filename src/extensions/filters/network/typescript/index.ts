import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeNetworkFilter } from '../../../../api/native.js'
import { ScriptFilterSchema } from '../../../../generated/plan_pb.js'
import type { TypeScriptFilter } from '../../../../generated/protos/nuncio/typescript_filter_pb.js'

/** nuncio.TypeScriptFilter among network filters; its native side is filter.cc here and native/script/network_filter. */
const typescript = defineNativeNetworkFilter<TypeScriptFilter>({
  name: 'nuncio.filters.network.typescript',
  typeNames: ['nuncio.TypeScriptFilter'],
  status: 'alpha',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan({ module, config = {}, failOpen }, context) {
    const slot = context.script({ kind: 'network-filter', module, config, failOpen })
    return toBinary(ScriptFilterSchema, create(ScriptFilterSchema, { slot }))
  },
})

export default [typescript]
