import { defineNativeAccessLogger } from '../../../api/native.js'
import type {
  StderrAccessLog,
  StdoutAccessLog,
} from '../../../generated/protos/envoy/extensions/access_loggers/stream/v3/stream_pb.js'

/** envoy.access_loggers.stdout and .stderr: lines to the process's own streams; their code is native/access_log. */
const stdout = defineNativeAccessLogger<StdoutAccessLog>({
  name: 'envoy.access_loggers.stdout',
  typeNames: ['envoy.extensions.access_loggers.stream.v3.StdoutAccessLog'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
})

const stderr = defineNativeAccessLogger<StderrAccessLog>({
  name: 'envoy.access_loggers.stderr',
  typeNames: ['envoy.extensions.access_loggers.stream.v3.StderrAccessLog'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
})

export default [stdout, stderr]
