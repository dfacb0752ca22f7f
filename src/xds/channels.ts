import { createRequire } from 'node:module'
import type * as Grpc from '@grpc/grpc-js'
import { type DescMessage, toJsonString } from '@bufbuild/protobuf'
import type { Types } from '../config/index.js'
import type { DataSource } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { GrpcService, GrpcService_GoogleGrpc } from '../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import type { Files } from '../support/files.js'
import type { RawStream, RawStreamHandlers, Transport } from './stream.js'
import type { ClusterAddress } from './types.js'

export interface ChannelsOptions {
  readonly types: Types
  readonly files: Files
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly reach: (cluster: string) => ClusterAddress
}

/** By which the door knows where a request is to go. */
export const clusterHeader = 'x-nuncio-cluster'

// Envoy has no bound of its own; ten thousand clusters with their endpoints are some ten megabytes.
const mostReceivedBytes = 256 * 1024 * 1024
const ready = 2

/** A connection (or several, as grpc-js likes) to one gRPC service, shared by the streams to it. */
export class Channels {
  readonly #options: ChannelsOptions
  readonly #channels = new Map<string, Channel>()
  /** Loaded when the first stream is opened: most configurations have none. */
  #grpc: typeof Grpc | undefined

  constructor(options: ChannelsOptions) {
    this.#options = options
  }

  transport(service: GrpcService): Transport {
    const schema = this.#options.types.message(service.$typeName) as DescMessage
    const key = toJsonString(schema, service, { registry: this.#options.types.registry })
    const channel = this.#channels.get(key) ?? new Channel(service, () => this.#load(), this.#options)
    this.#channels.set(key, channel)
    channel.users++
    return {
      destination: channel.destination,
      open: (method, handlers) => channel.open(method, handlers),
      close: () => {
        channel.users--
        if (channel.users > 0) return
        channel.close()
        this.#channels.delete(key)
      },
    }
  }

  #load(): typeof Grpc {
    this.#grpc ??= createRequire(import.meta.url)('@grpc/grpc-js') as typeof Grpc
    return this.#grpc
  }
}

class Channel {
  users = 0
  readonly destination: string
  readonly #service: GrpcService
  readonly #load: () => typeof Grpc
  readonly #options: ChannelsOptions
  #client: Grpc.Client | undefined

  constructor(service: GrpcService, load: () => typeof Grpc, options: ChannelsOptions) {
    this.#service = service
    this.#load = load
    this.#options = options
    const { targetSpecifier: target } = service
    this.destination = target.case === 'envoyGrpc' ? target.value.clusterName : (target.value?.targetUri ?? '')
  }

  open(method: string, handlers: RawStreamHandlers): RawStream {
    let client: Grpc.Client
    let call: Grpc.ClientDuplexStream<Uint8Array, Buffer>
    try {
      client = this.#connected()
      call = this.#call(client, method)
    } catch (error) {
      // Credentials that cannot be read, a target that is none: perhaps better next time.
      queueMicrotask(() => handlers.onClose(unavailable, (error as Error).message))
      return { send: () => true, pause: () => undefined, resume: () => undefined, cancel: () => undefined }
    }
    call.on('data', (bytes: Buffer) => handlers.onMessage(bytes))
    call.on('drain', () => handlers.onDrain?.())
    call.on('error', () => undefined) // told by 'status' too
    call.on('status', ({ code, details }: Grpc.StatusObject) => {
      if (code !== 0) this.#renewUnlessReady(client)
      handlers.onClose(code, details)
    })
    return {
      send: bytes => call.write(bytes),
      pause: () => void call.pause(),
      resume: () => void call.resume(),
      cancel: () => call.cancel(),
    }
  }

  close(): void {
    this.#client?.close()
    this.#client = undefined
  }

  #call(client: Grpc.Client, method: string): Grpc.ClientDuplexStream<Uint8Array, Buffer> {
    const { Metadata } = this.#load()
    const metadata = new Metadata()
    for (const { key, value } of this.#service.initialMetadata) metadata.add(key, value)
    const { targetSpecifier: target } = this.#service
    const host = target.case === 'envoyGrpc' ? target.value.authority || target.value.clusterName : undefined
    if (target.case === 'envoyGrpc') metadata.set(clusterHeader, target.value.clusterName)
    else if (target.case === 'googleGrpc') this.#addCallCredentials(target.value, metadata)
    return client.makeBidiStreamRequest<Uint8Array, Buffer>(
      method,
      bytes => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      bytes => bytes,
      metadata,
      host === undefined ? {} : { host },
    )
  }

  #addCallCredentials({ callCredentials }: GrpcService_GoogleGrpc, metadata: Grpc.Metadata): void {
    for (const { credentialSpecifier: call } of callCredentials) {
      if (call.case === 'accessToken') metadata.add('authorization', `Bearer ${call.value}`)
      if (call.case !== 'googleIam') continue
      metadata.add('x-goog-iam-authorization-token', call.value.authorizationToken)
      metadata.add('x-goog-iam-authority-selector', call.value.authoritySelector)
    }
  }

  /**
   * A connection that broke is made anew by the next stream: when to try again is for the stream's back-off to say, and grpc-js would add
   * one of its own.
   */
  #renewUnlessReady(client: Grpc.Client): void {
    if (client !== this.#client || client.getChannel().getConnectivityState(false) === ready) return
    this.#client = undefined
    client.close()
  }

  #connected(): Grpc.Client {
    this.#client ??= this.#connect()
    return this.#client
  }

  #connect(): Grpc.Client {
    const { Client, credentials } = this.#load()
    const common = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_http_proxy': 0 }
    const { targetSpecifier: target } = this.#service
    if (target.case === 'googleGrpc')
      return new Client(target.value.targetUri, this.#googleCredentials(target.value), {
        ...common,
        'grpc.max_receive_message_length': mostReceivedBytes,
        ...channelArguments(target.value),
      })
    const { clusterName = '', maxReceiveMessageLength } = target.case === 'envoyGrpc' ? target.value : {}
    const address = this.#options.reach(clusterName)
    const uri = 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`
    return new Client(uri, credentials.createInsecure(), {
      ...common,
      'grpc.max_receive_message_length': maxReceiveMessageLength || mostReceivedBytes,
    })
  }

  #googleCredentials({ channelCredentials }: GrpcService_GoogleGrpc): Grpc.ChannelCredentials {
    const { credentials } = this.#load()
    const specifier = channelCredentials?.credentialSpecifier
    if (specifier?.case !== 'sslCredentials') return credentials.createInsecure()
    const { rootCerts, privateKey, certChain } = specifier.value
    return credentials.createSsl(this.#read(rootCerts), this.#read(privateKey), this.#read(certChain))
  }

  #read(source: DataSource | undefined): Buffer | null {
    const { files, environment } = this.#options
    const specifier = source?.specifier
    switch (specifier?.case) {
      case 'inlineString':
        return Buffer.from(specifier.value)
      case 'inlineBytes':
        return Buffer.from(specifier.value)
      case 'environmentVariable':
        return Buffer.from(environment[specifier.value] ?? '')
      case 'filename': {
        const bytes = files.read(specifier.value)
        if (bytes === undefined) throw new Error(`${specifier.value} ${files.whyNot(specifier.value)}`)
        return Buffer.from(bytes)
      }
      default:
        return null
    }
  }
}

const unavailable = 14

function channelArguments({ channelArgs }: GrpcService_GoogleGrpc): Record<string, string | number> {
  const args: Record<string, string | number> = {}
  for (const [name, { valueSpecifier: value }] of Object.entries(channelArgs?.args ?? {}))
    if (value.case !== undefined) args[name] = value.case === 'intValue' ? Number(value.value) : value.value
  return args
}
