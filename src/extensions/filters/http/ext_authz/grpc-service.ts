import { randomBytes } from 'node:crypto'
import type { JsonObject } from '@bufbuild/protobuf'
import { builtIn, type BuiltInStream } from '../../../../api/built-in.js'
import type { Clusters } from '../../../../api/clusters.js'
import type { Stream } from '../../../../api/stream.js'
import { readCheckResponse, writeCheckRequest } from './messages.js'
import type { GrpcService, RouteSettings, Settings } from './settings.js'
import { type Checked, failed, type Verdict } from './verdict.js'

const method = '/envoy.service.auth.v3.Authorization/Check'
const serviceHeader = 'x-envoy-downstream-service-cluster'

/** Asks a gRPC service: its answer is a CheckResponse, whatever else happens an error. */
export async function askGrpc(
  clusters: Clusters,
  service: GrpcService,
  settings: Settings,
  request: Checked,
  stream: Stream<unknown, RouteSettings> & BuiltInStream,
  levels: readonly RouteSettings[],
  asBytes: boolean,
): Promise<Verdict> {
  const { info } = stream
  const message = writeCheckRequest({
    source: {
      address: stream.fact('connectionAddress'),
      principal: stream.fact('peerPrincipal'),
      certificate: settings.includesPeerCertificate ? stream.fact('peerCertificate') : '',
      service: request.headers.get(serviceHeader) ?? '',
    },
    destination: { address: info.localAddress, principal: stream.fact('localPrincipal'), certificate: '', service: '' },
    startMs: Date.now() - info.durationMs,
    id: randomBytes(8).readBigUInt64BE().toString(),
    method: request.method,
    path: request.path,
    host: request.authority,
    scheme: stream.fact('scheme'),
    size: info.bytesReceived,
    protocol: info.protocol,
    headers: settings.encodesRawHeaders ? new Map() : request.headers,
    rawHeaders: settings.encodesRawHeaders ? request.fields : [],
    body: asBytes ? request.body : Buffer.from(request.body).toString('utf8'),
    contextExtensions: Object.assign({}, ...levels.map(level => level.contextExtensions)) as Record<string, string>,
    metadata: namespaces(settings.metadataNamespaces, metadataOf(stream)),
    routeMetadata: routeMetadata(settings.routeMetadataNamespaces, stream),
    serverName: settings.includesTlsSession ? info.requestedServerName : undefined,
  })
  const { cluster, authority, timeoutMs, metadata: headers } = service
  try {
    const options = builtIn.options({ headers, timeoutMs, signal: stream.signal, authority })
    const answer = await clusters.grpc(cluster, method, message, options)
    return readCheckResponse(answer.message)
  } catch {
    return failed
  }
}

/** The request's own before the connection's. */
function metadataOf(stream: Stream<unknown, RouteSettings> & BuiltInStream): (name: string) => unknown {
  const ofConnection = stream.connectionMetadata()
  return name => stream.metadata.get(name, '') ?? ofConnection[name]
}

function namespaces(names: readonly string[], find: (name: string) => unknown): Record<string, JsonObject> {
  const found: Record<string, JsonObject> = {}
  for (const name of names) {
    const value = find(name)
    if (typeof value === 'object' && value !== null) found[name] = value as JsonObject
  }
  return found
}

function routeMetadata(names: readonly string[], stream: BuiltInStream): Record<string, JsonObject> {
  if (names.length === 0) return {}
  const json = stream.fact('routeMetadata')
  const all = json === '' ? {} : (JSON.parse(json) as Record<string, unknown>)
  return namespaces(names, name => all[name])
}
