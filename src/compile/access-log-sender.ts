import { Socket } from 'node:net'
import { type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Types } from '../config/index.js'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { GrpcService } from '../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import type { CommonGrpcAccessLogConfig } from '../generated/protos/envoy/extensions/access_loggers/grpc/v3/als_pb.js'
import type { AccessLogStream } from '../native/addon.js'
import type { RawStream, Transport } from '../xds/stream.js'

const method = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'
const configType = 'envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig'
const messageType = 'envoy.service.accesslog.v3.StreamAccessLogsMessage'
/** The oneof log_entries of that message. */
const httpLogs = 2
const tcpLogs = 3
/** An entry that says to be longer than this is none: what follows would never be understood. */
const mostEntryBytes = 64 * 1024 * 1024

export interface AccessLogSenderOptions {
  readonly types: Types
  readonly node: Node
  readonly transport: (service: GrpcService) => Transport
  /** Entries given to a stream. */
  readonly onSent: (entries: number) => void
}

/**
 * Brings the entries that workers log to gRPC access log services. The native side has framed them already; here they are put into messages
 * and given to a gRPC stream, one for each configuration of a logger. A service that takes nothing holds back the socket, then the
 * workers' lanes, where what comes is dropped and counted.
 */
export class AccessLogSender {
  readonly #options: AccessLogSenderOptions
  readonly #logs = new Set<ServiceLog>()

  constructor(options: AccessLogSenderOptions) {
    this.#options = options
  }

  add(stream: AccessLogStream): void {
    const log = new ServiceLog(stream, this.#options, () => this.#logs.delete(log))
    this.#logs.add(log)
  }

  close(): void {
    for (const log of this.#logs) log.close()
  }
}

class ServiceLog {
  readonly #socket: Socket
  readonly #transport: Transport
  readonly #identifier: Uint8Array
  readonly #field: number
  readonly #onSent: (entries: number) => void
  #stream: RawStream | undefined
  /** What came of an entry whose rest is still to come. */
  #rest: Uint8Array = new Uint8Array()

  constructor(stream: AccessLogStream, options: AccessLogSenderOptions, onEnd: () => void) {
    const { types, node, transport, onSent } = options
    const config = fromBinary(types.message(configType) as DescMessage, stream.config) as CommonGrpcAccessLogConfig
    if (config.grpcService === undefined) throw new Error(`${configType} without grpc_service`)
    this.#identifier = toBinary(
      types.message(messageType) as DescMessage,
      types.create(messageType, { identifier: { node, logName: config.logName } }),
    )
    this.#field = stream.isTcp ? tcpLogs : httpLogs
    this.#onSent = onSent
    this.#transport = transport(config.grpcService)
    this.#socket = new Socket({ fd: stream.fd, readable: true, writable: false })
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes))
    this.#socket.on('error', () => undefined)
    this.#socket.once('close', () => {
      this.#stream?.cancel()
      this.#transport.close()
      onEnd()
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const { end, count } = wholeEntries(all)
    this.#rest = all.subarray(end)
    if (count > 0) this.#send(all.subarray(0, end), count)
  }

  #send(entries: Uint8Array, count: number): void {
    const isFirst = this.#stream === undefined
    const stream = (this.#stream ??= this.#open())
    const batch = delimited(this.#field, entries)
    const hasRoom = stream.send(isFirst ? Buffer.concat([this.#identifier, batch]) : batch)
    this.#onSent(count)
    if (!hasRoom) this.#socket.pause()
  }

  /** Envoy too opens a stream when there is something to send, and says nothing of one that ends. */
  #open(): RawStream {
    const stream: RawStream = this.#transport.open(method, {
      onMessage: () => undefined,
      onDrain: () => this.#socket.resume(),
      onClose: () => {
        if (this.#stream === stream) this.#stream = undefined
        this.#socket.resume()
      },
    })
    return stream
  }
}

/** How many entries there are in whole, and where they end. */
export function wholeEntries(bytes: Uint8Array): { readonly end: number; readonly count: number } {
  let end = 0
  let count = 0
  for (;;) {
    let at = end + 1 // after the tag
    let size = 0
    let shift = 0
    let byte = 0x80
    while (byte >= 0x80 && at < bytes.length) {
      byte = bytes[at++] as number
      size += (byte & 0x7f) * 2 ** shift
      shift += 7
    }
    if (size > mostEntryBytes) throw new Error(`an access log entry of ${size} bytes`)
    if (byte >= 0x80 || at + size > bytes.length) return { end, count }
    end = at + size
    count++
  }
}

/** A field of bytes. */
function delimited(field: number, bytes: Uint8Array): Buffer {
  const head = [(field << 3) | 2]
  let size = bytes.length
  for (; size >= 0x80; size = Math.floor(size / 128)) head.push((size & 0x7f) | 0x80)
  head.push(size)
  return Buffer.concat([Buffer.from(head), bytes])
}
