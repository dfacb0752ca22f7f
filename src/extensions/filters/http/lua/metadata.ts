import type { JsonObject } from '@bufbuild/protobuf'
import type { LuaCall, LuaState } from './core.js'
import { Handle } from './handle.js'
import { type LuaClass, LuaFailure, type LuaMachine } from './machine.js'

/** Constant values by name: of a route, of the filter's context. */
export class Metadata {
  readonly values: Readonly<Record<string, unknown>>

  constructor(values: object) {
    this.values = values as Readonly<Record<string, unknown>>
  }
}

export class DynamicMetadata {
  readonly handle: Handle

  constructor(handle: Handle) {
    this.handle = handle
  }
}

export class ConnectionInfo {
  readonly handle: Handle

  constructor(handle: Handle) {
    this.handle = handle
  }
}

/** Dynamic metadata of a connection: to be read. */
class ConnectionMetadata extends ConnectionInfo {}
class FilterState extends ConnectionInfo {}
class TlsInfo extends ConnectionInfo {}

export function metadataClasses(machine: LuaMachine): readonly LuaClass[] {
  const { core } = machine
  // As in Envoy, nothing at all where there is none.
  const json = (state: LuaState, value: unknown): number => (value === undefined ? 0 : machine.pushJson(state, value))
  const fact =
    (kind: abstract new (...given: never[]) => Handle | ConnectionInfo, name: string): LuaCall =>
    state => {
      const found = machine.object(state, 1, kind)
      return json(state, (found instanceof Handle ? found : found.handle).fact(name))
    }
  const facts = (kind: Parameters<typeof fact>[0], names: Readonly<Record<string, string>>): Record<string, LuaCall> =>
    Object.fromEntries(Object.entries(names).map(([method, name]) => [method, fact(kind, name)]))
  const list =
    (name: string): LuaCall =>
    state => {
      const text = machine.object(state, 1, TlsInfo).handle.fact(name)
      return json(state, text === '' ? [] : text.split(','))
    }
  return [
    {
      name: 'Metadata',
      methods: {
        get: state => json(state, machine.object(state, 1, Metadata).values[machine.text(state, 2)]),
      },
      meta: {
        __pairs: state => json(state, Object.entries(machine.object(state, 1, Metadata).values)),
      },
    },
    {
      name: 'StreamInfo',
      methods: {
        protocol: state => json(state, machine.object(state, 1, Handle).stream.info.protocol),
        routeName: state => json(state, machine.object(state, 1, Handle).stream.info.routeName),
        requestedServerName: state => json(state, machine.object(state, 1, Handle).stream.info.requestedServerName),
        ...facts(Handle, streamFacts),
        dynamicMetadata: state => {
          const handle = machine.object(state, 1, Handle)
          return handle.push(state, 'DynamicMetadata', new DynamicMetadata(handle))
        },
        filterState: state => {
          const handle = machine.object(state, 1, Handle)
          return handle.push(state, 'FilterState', new FilterState(handle))
        },
        downstreamSslConnection: state => pushTls(machine, state, machine.object(state, 1, Handle)),
        drainConnectionUponCompletion: () => {
          throw new LuaFailure('drainConnectionUponCompletion() is not supported yet')
        },
      },
    },
    {
      name: 'DynamicMetadata',
      methods: {
        get: state => {
          const { handle } = machine.object(state, 1, DynamicMetadata)
          return json(state, handle.stream.metadata.get(machine.text(state, 2), ''))
        },
        set: state => {
          const { handle } = machine.object(state, 1, DynamicMetadata)
          handle.stream.metadata.set(machine.text(state, 2), machine.text(state, 3), machine.json(state, 4))
          return 0
        },
      },
    },
    {
      name: 'FilterState',
      methods: {
        get: state => {
          const { handle } = machine.object(state, 1, FilterState)
          return json(state, handle.stream.filterState(machine.text(state, 2)))
        },
      },
    },
    {
      name: 'Connection',
      methods: { ssl: state => pushTls(machine, state, machine.object(state, 1, ConnectionInfo).handle) },
    },
    {
      name: 'ConnectionStreamInfo',
      methods: {
        dynamicMetadata: state => {
          const { handle } = machine.object(state, 1, ConnectionInfo)
          return handle.push(state, 'ConnectionMetadata', new ConnectionMetadata(handle))
        },
      },
    },
    {
      name: 'ConnectionMetadata',
      methods: {
        get: state => {
          const { handle } = machine.object(state, 1, ConnectionMetadata)
          const all: Readonly<Record<string, JsonObject | undefined>> = handle.stream.connectionMetadata()
          return json(state, all[machine.text(state, 2)])
        },
      },
    },
    {
      name: 'Ssl',
      methods: {
        peerCertificatePresented: state => {
          core._lua_pushboolean(state, machine.object(state, 1, TlsInfo).handle.fact('peerDigest') === '' ? 0 : 1)
          return 1
        },
        uriSanPeerCertificate: list('peerUris'),
        uriSanLocalCertificate: list('localUris'),
        dnsSansPeerCertificate: list('peerNames'),
        dnsSansLocalCertificate: list('localNames'),
        ...facts(TlsInfo, tlsFacts),
      },
    },
  ]
}

/** Nil without TLS. */
function pushTls(machine: LuaMachine, state: LuaState, handle: Handle): number {
  if (handle.fact('tlsVersion') === '') return machine.pushJson(state, undefined)
  return handle.push(state, 'Ssl', new TlsInfo(handle))
}

const streamFacts = {
  downstreamLocalAddress: 'localAddress',
  downstreamDirectLocalAddress: 'directLocalAddress',
  downstreamRemoteAddress: 'remoteAddress',
  downstreamDirectRemoteAddress: 'directRemoteAddress',
  virtualClusterName: 'virtualCluster',
}

const tlsFacts = {
  sha256PeerCertificateDigest: 'peerDigest',
  serialNumberPeerCertificate: 'peerSerial',
  issuerPeerCertificate: 'peerIssuer',
  subjectPeerCertificate: 'peerSubject',
  subjectLocalCertificate: 'localSubject',
  urlEncodedPemEncodedPeerCertificate: 'peerCertificate',
  sessionId: 'tlsSession',
  ciphersuiteString: 'tlsCipher',
  tlsVersion: 'tlsVersion',
}
