import type { Place } from '../api/plan-context.js'
import { isMessage } from '../config/index.js'
import type { OverloadManager } from '../generated/protos/envoy/config/overload/v3/overload_pb.js'
import type { DownstreamConnectionsConfig } from '../generated/protos/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js'
import type { Compilation } from './compilation.js'

const connectionsType = 'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig'

/** How many connections of clients all listeners together may have; undefined: as many as come. The field walk refuses monitors of other resources. */
export function connectionLimit(
  manager: OverloadManager | undefined,
  at: Place,
  compilation: Compilation,
): number | undefined {
  let limit: number | undefined
  for (const [index, { configType }] of (manager?.resourceMonitors ?? []).entries()) {
    const place = at.field('resource_monitors').item(index)
    const unpacked =
      configType.case === 'typedConfig' && compilation.unpack(configType.value, place.field('typed_config'))
    if (!unpacked) continue
    if (isMessage<DownstreamConnectionsConfig>(unpacked.message, connectionsType))
      limit = Number(unpacked.message.maxActiveDownstreamConnections)
  }
  return limit
}
