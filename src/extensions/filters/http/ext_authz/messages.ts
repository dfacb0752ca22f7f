/** envoy.service.auth.v3 on the wire: the request is written, the answer read, field by field (external_auth.proto, attribute_context.proto). */
import type { JsonObject } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { entries, nested, read, readHeader, readStruct, text, writeStruct } from '../common/wire.js'
import { failed, type Pair, type ResponseChange, type Verdict } from './verdict.js'

export interface Peer {
  /** "127.0.0.1:80". */
  readonly address: string
  readonly principal: string
  readonly certificate: string
  readonly service: string
}

export interface CheckRequest {
  readonly source: Peer
  readonly destination: Peer
  readonly startMs: number
  readonly id: string
  readonly method: string
  readonly path: string
  readonly host: string
  readonly scheme: string
  readonly size: number
  readonly protocol: string
  readonly headers: ReadonlyMap<string, string>
  /** One by one, with values as bytes. */
  readonly rawHeaders: readonly Pair[]
  readonly body: string | Uint8Array
  readonly contextExtensions: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, JsonObject>>
  readonly routeMetadata: Readonly<Record<string, JsonObject>>
  /** Undefined: not told. */
  readonly serverName: string | undefined
}

export function writeCheckRequest(request: CheckRequest): Uint8Array {
  const writer = new BinaryWriter()
  nested(writer, 1, attributes => {
    nested(attributes, 1, peer => writePeer(peer, request.source))
    nested(attributes, 2, peer => writePeer(peer, request.destination))
    nested(attributes, 4, one => writeRequest(one, request))
    entries(attributes, 10, Object.entries(request.contextExtensions))
    nested(attributes, 11, metadata => writeMetadata(metadata, request.metadata))
    const { serverName } = request
    if (serverName !== undefined) nested(attributes, 12, session => text(session, 1, serverName))
    nested(attributes, 13, metadata => writeMetadata(metadata, request.routeMetadata))
  })
  return writer.finish()
}

function writePeer(writer: BinaryWriter, { address, principal, certificate, service }: Peer): void {
  const at = address.lastIndexOf(':')
  const isIp = at > 0
  nested(writer, 1, any => {
    if (isIp) {
      nested(any, 1, socket => {
        text(socket, 2, address.slice(0, at).replace(/^\[|\]$/g, ''))
        const port = Number(address.slice(at + 1))
        if (port !== 0) socket.tag(3, WireType.Varint).uint32(port)
      })
    } else {
      nested(any, 2, pipe => text(pipe, 1, address))
    }
  })
  text(writer, 2, service)
  text(writer, 4, principal)
  text(writer, 5, certificate)
}

function writeRequest(writer: BinaryWriter, request: CheckRequest): void {
  nested(writer, 1, time => {
    time.tag(1, WireType.Varint).int64(Math.floor(request.startMs / 1000))
    time.tag(2, WireType.Varint).int32(Math.floor((request.startMs % 1000) * 1e6))
  })
  nested(writer, 2, http => {
    text(http, 1, request.id)
    text(http, 2, request.method)
    entries(http, 3, request.headers)
    text(http, 4, request.path)
    text(http, 5, request.host)
    text(http, 6, request.scheme)
    if (request.size !== 0) http.tag(9, WireType.Varint).int64(request.size)
    text(http, 10, request.protocol)
    const { body } = request
    if (typeof body === 'string') text(http, 11, body)
    else if (body.length > 0) http.tag(12, WireType.LengthDelimited).bytes(body)
    if (request.rawHeaders.length > 0)
      nested(http, 13, map => {
        for (const [name, value] of request.rawHeaders)
          nested(map, 1, header => {
            text(header, 1, name)
            header.tag(3, WireType.LengthDelimited).bytes(Buffer.from(value))
          })
      })
  })
}

function writeMetadata(writer: BinaryWriter, namespaces: Readonly<Record<string, JsonObject>>): void {
  for (const [name, value] of Object.entries(namespaces))
    nested(writer, 1, entry => {
      text(entry, 1, name)
      nested(entry, 2, struct => writeStruct(struct, value))
    })
}

// ---------------------------------------------------------------- the answer

interface Option {
  readonly name: string
  readonly value: string
  readonly append: boolean | undefined
  readonly action: number
}

function readOption(bytes: Uint8Array): Option {
  let [name, value]: Pair = ['', '']
  let append: boolean | undefined
  let action = 0
  read(bytes, {
    1: reader => void ([name, value] = readHeader(reader.bytes())),
    2: reader => {
      append = false
      read(reader.bytes(), { 1: wrapped => void (append = wrapped.bool()) })
    },
    3: reader => void (action = reader.int32()),
  })
  return { name: name.toLowerCase(), value, append, action }
}

export function readCheckResponse(bytes: Uint8Array): Verdict {
  let code = 0
  let denied: Uint8Array | undefined
  let ok = new Uint8Array()
  let metadata: JsonObject = {}
  try {
    read(bytes, {
      1: reader => read(reader.bytes(), { 1: status => void (code = status.int32()) }),
      2: reader => void (denied = reader.bytes()),
      3: reader => void (ok = new Uint8Array(reader.bytes())),
      4: reader => void (metadata = readStruct(reader.bytes())),
    })
    return code === 0 ? readOk(ok, metadata) : readDenied(denied ?? new Uint8Array(), metadata)
  } catch {
    return failed // not what the service's protocol says
  }
}

const actions = ['add', 'add-if-absent', 'set', 'overwrite-if-exists'] as const

function readOk(bytes: Uint8Array, metadata: JsonObject): Verdict {
  const headers: Option[] = []
  const remove: string[] = []
  const response: Option[] = []
  const queryToSet: Pair[] = []
  const queryToRemove: string[] = []
  let older: JsonObject = {}
  read(bytes, {
    2: reader => void headers.push(readOption(reader.bytes())),
    5: reader => void remove.push(reader.string().toLowerCase()),
    3: reader => void (older = readStruct(reader.bytes())),
    6: reader => void response.push(readOption(reader.bytes())),
    7: reader => void queryToSet.push(readHeader(reader.bytes())),
    8: reader => void queryToRemove.push(reader.string()),
  })
  const those = (isAppended: boolean) =>
    headers.filter(({ append = false }) => append === isAppended).map(({ name, value }): Pair => [name, value])
  const changes = response.map(({ name, value, append, action }): ResponseChange => {
    const how = append === undefined ? (actions[action] ?? 'add') : append ? 'add' : 'set'
    return { how, name, value }
  })
  return {
    kind: 'ok',
    set: those(false),
    append: those(true),
    add: [],
    remove,
    queryToSet,
    queryToRemove,
    response: changes,
    metadata: Object.keys(metadata).length > 0 ? metadata : older,
  }
}

function readDenied(bytes: Uint8Array, metadata: JsonObject): Verdict {
  let status = 0
  let body = ''
  const headers: Pair[] = []
  read(bytes, {
    1: reader => read(reader.bytes(), { 1: code => void (status = code.int32()) }),
    2: reader => {
      const { name, value } = readOption(reader.bytes())
      headers.push([name, value])
    },
    3: reader => void (body = reader.string()),
  })
  return { kind: 'denied', status: status === 0 ? 403 : status, body, headers, metadata }
}
