import { defineNativeAccessLogger } from '../../../api/native.js'
import type { TypeScriptFilter } from '../../../generated/protos/nuncio/typescript_filter_pb.js'

/** nuncio.TypeScriptFilter among access loggers; compiled in src/plan/access-log.ts, its native side is native/script/log_batches. */
const typescript = defineNativeAccessLogger<TypeScriptFilter>({
  name: 'nuncio.access_loggers.typescript',
  typeNames: ['nuncio.TypeScriptFilter'],
  status: 'alpha',
  securityPosture: 'robust_to_untrusted_downstream',
})

export default [typescript]
