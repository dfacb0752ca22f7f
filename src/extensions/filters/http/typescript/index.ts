import { create, toBinary } from '@bufbuild/protobuf'
import { whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { ScriptFilterSchema, ScriptSettingsSchema } from '../../../../generated/plan_pb.js'
import type {
  TypeScriptFilter,
  TypeScriptFilterPerRoute,
} from '../../../../generated/protos/nuncio/typescript_filter_pb.js'

/** nuncio.TypeScriptFilter: a filter written in TypeScript; its native side is filter.cc here and native/script. */
const typescript = defineNativeHttpFilter<TypeScriptFilter>({
  name: 'nuncio.filters.http.typescript',
  typeNames: ['nuncio.TypeScriptFilter'],
  status: 'alpha',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan(config, context) {
    const slot = context.script({
      kind: 'http-filter',
      module: config.module,
      config: config.config ?? {},
      failOpen: config.failOpen,
    })
    return toBinary(ScriptFilterSchema, create(ScriptFilterSchema, { slot }))
  },
  route: {
    typeNames: ['nuncio.TypeScriptFilterPerRoute'],
    plan(config, context) {
      const settings = (config as TypeScriptFilterPerRoute).config ?? {}
      context.scriptSettings(settings)
      return toBinary(ScriptSettingsSchema, create(ScriptSettingsSchema, { json: JSON.stringify(settings) }))
    },
  },
  policy: {
    'nuncio.TypeScriptFilter': whole('module config fail_open'),
    'nuncio.TypeScriptFilterPerRoute': whole('config'),
  },
})

export default [typescript]
