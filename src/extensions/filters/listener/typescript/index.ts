import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeListenerFilter } from '../../../../api/native.js'
import { ScriptFilterSchema } from '../../../../generated/plan_pb.js'
import type { TypeScriptFilter } from '../../../../generated/protos/nuncio/typescript_filter_pb.js'

/** nuncio.TypeScriptFilter among listener filters; its native side is filter.cc here and native/script/listener_filter. */
const typescript = defineNativeListenerFilter<TypeScriptFilter>({
  name: 'nuncio.filters.listener.typescript',
  typeNames: ['nuncio.TypeScriptFilter'],
  status: 'alpha',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan({ module, config = {}, failOpen }, context) {
    const slot = context.script({ kind: 'listener-filter', module, config, failOpen })
    return toBinary(ScriptFilterSchema, create(ScriptFilterSchema, { slot }))
  },
})

export default [typescript]
