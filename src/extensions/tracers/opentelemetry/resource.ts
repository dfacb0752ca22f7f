import type { Message } from '@bufbuild/protobuf'
import type { PlanContext } from '../../../api/plan-context.js'
import type { OpenTelemetryConfig } from '../../../generated/protos/envoy/config/trace/v3/opentelemetry_pb.js'
import type { StaticConfigResourceDetectorConfig } from '../../../generated/protos/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.js'

const detectors = 'envoy.extensions.tracers.opentelemetry.resource_detectors.v3'
const variable = 'OTEL_RESOURCE_ATTRIBUTES'

/** Who the spans are from: the service, what its detectors found out, and the library. A later one's value counts, unless it is empty. */
export function resourceOf(config: OpenTelemetryConfig, version: string, context: PlanContext): [string, string][] {
  const resource = new Map<string, string>()
  if (config.setServiceNameResourceAttribute !== false)
    resource.set('service.name', config.serviceName || 'unknown_service:envoy')
  if (config.setTelemetrySdkResourceAttributes !== false) {
    resource.set('telemetry.sdk.language', 'cpp')
    resource.set('telemetry.sdk.name', 'envoy')
    resource.set('telemetry.sdk.version', version)
  }
  for (const [index, { typedConfig }] of config.resourceDetectors.entries()) {
    const place = context.field('resource_detectors').item(index).field('typed_config')
    const unpacked = typedConfig && context.unpack(typedConfig, place)
    for (const [name, value] of attributesOf(unpacked?.typeName ?? '', unpacked?.message, context))
      if (value !== '') resource.set(name, value)
  }
  return [...resource]
}

function attributesOf(typeName: string, message: Message | undefined, context: PlanContext): [string, string][] {
  if (typeName === `${detectors}.StaticConfigResourceDetectorConfig`)
    return Object.entries((message as Message & StaticConfigResourceDetectorConfig).attributes)
  if (typeName !== `${detectors}.EnvironmentResourceDetectorConfig`) return []
  return (context.environment(variable) ?? '').split(',').flatMap((pair): [string, string][] => {
    const cut = pair.indexOf('=')
    return cut < 0 ? [] : [[pair.slice(0, cut), pair.slice(cut + 1)]]
  })
}
