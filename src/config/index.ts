/**
 * config/: text → typed, validated Envoy messages.
 *
 *   const types = openTypes()                                     // descriptors; cheap, reads a message's schema on first use
 *   const loaded = loadBootstrap({ path: 'envoy.yaml', types })   // Result<LoadedBootstrap, ConfigError[]>
 *   if (!loaded.ok) return loaded.error.map(error => printConfigError(error))
 *   const { bootstrap, sources, warnings } = loaded.value
 *
 * Messages are plain objects in the shape of protobuf-es 2 (camelCase members, oneofs as {case, value}, wrappers as optional scalars,
 * google.protobuf.Struct members as JsonObject, Duration as {seconds: bigint, nanos: number}). Their TypeScript types and enums come from
 * src/generated/protos/<path of the .proto>_pb.js. These modules hold types and enums only, so importing one costs nothing:
 *
 *   import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
 *   import { Cluster_DiscoveryType } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
 *
 * typed_config: the payload was decoded and validated while loading; `unpackAny` hands it out without decoding again.
 *
 *   const unpacked = types.unpackAny(filter.configType.value)     // Result<UnpackedAny, ConfigError>
 *   if (unpacked.ok && isMessage<HttpConnectionManager>(unpacked.value.message, 'envoy.extensions.….v3.HttpConnectionManager')) …
 *
 * Checks that need the whole configuration (unknown cluster, terminal filter missing, regex) belong to plan/, with the same ConfigError:
 *
 *   errors.push(sources.error('semantic', 'static_resources.listeners[0].name', 'a second listener has this name'))
 */
export { type ConfigError, type ConfigErrorCode, printConfigError } from './config-error.js'
export { type LoadedBootstrap, type LoadedMessage, type LoadOptions, loadBootstrap, loadMessage } from './bootstrap.js'
export { type DecodedMessage, decodeMessage } from './message.js'
export type { SourceMap, SourcePosition } from './source-map.js'
export { isMessage, openTypes, type Types, type UnpackedAny } from './types.js'
