import { defineNativeAccessLogger } from '../../../api/native.js'
import type { FileAccessLog } from '../../../generated/protos/envoy/extensions/access_loggers/file/v3/file_pb.js'

/** envoy.access_loggers.file: lines to a file; its code is native/access_log. */
const file = defineNativeAccessLogger<FileAccessLog>({
  name: 'envoy.access_loggers.file',
  typeNames: ['envoy.extensions.access_loggers.file.v3.FileAccessLog'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
})

export default [file]
