// gRPC's interoperability test, server and client cases, on grpc-js. What each case does and expects is gRPC's description of it
// (doc/interop-test-descriptions.md of the gRPC repository); sizes and texts are those it names.
import assert from 'node:assert/strict'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { REPOSITORY } from './target.js'

interface Payload {
  readonly type?: number
  readonly body: Buffer
}
interface EchoStatus {
  readonly code: number
  readonly message: string
}
interface SimpleRequest {
  readonly responseSize: number
  readonly payload?: Payload | null
  readonly responseStatus?: EchoStatus | null
}
interface SimpleResponse {
  readonly payload: Payload | null
}
interface InputRequest {
  readonly payload: Payload | null
}
interface InputResponse {
  readonly aggregatedPayloadSize: number
}
interface OutputRequest {
  readonly responseParameters: readonly { readonly size: number; readonly intervalUs?: number }[]
  readonly payload?: Payload | null
  readonly responseStatus?: EchoStatus | null
}
interface OutputResponse {
  readonly payload: Payload | null
}
type Empty = Record<string, never>

const definition = loadSync(path.join(REPOSITORY, 'test/support/interop.proto'), { defaults: true })
const service = definition['grpc.testing.TestService'] as grpc.ServiceDefinition
const absent = definition['grpc.testing.UnimplementedService'] as grpc.ServiceDefinition

const INITIAL = 'x-grpc-test-echo-initial'
const TRAILING = 'x-grpc-test-echo-trailing-bin'
const LARGE_REQUEST = 271_828
const LARGE_RESPONSE = 314_159
const MESSAGE_LIMIT = { 'grpc.max_receive_message_length': -1 }

function zeroes(size: number): Payload {
  return { type: 0, body: Buffer.alloc(size) }
}

/** What a client asks to be told again, as its initial and trailing metadata. */
function echoed(metadata: grpc.Metadata): { initial: grpc.Metadata | undefined; trailing: grpc.Metadata } {
  const trailing = new grpc.Metadata()
  for (const value of metadata.get(TRAILING)) trailing.add(TRAILING, value)
  const values = metadata.get(INITIAL)
  if (values.length === 0) return { initial: undefined, trailing }
  const initial = new grpc.Metadata()
  for (const value of values) initial.add(INITIAL, value)
  return { initial, trailing }
}

function statusError(status: EchoStatus, metadata: grpc.Metadata): Partial<grpc.StatusObject> & Error {
  return Object.assign(new Error(status.message), { code: status.code, details: status.message, metadata })
}

const implementation: grpc.UntypedServiceImplementation = {
  emptyCall(call: grpc.ServerUnaryCall<Empty, Empty>, done: grpc.sendUnaryData<Empty>) {
    const { initial, trailing } = echoed(call.metadata)
    if (initial !== undefined) call.sendMetadata(initial)
    done(null, {}, trailing)
  },
  unaryCall(call: grpc.ServerUnaryCall<SimpleRequest, SimpleResponse>, done: grpc.sendUnaryData<SimpleResponse>) {
    const { initial, trailing } = echoed(call.metadata)
    if (initial !== undefined) call.sendMetadata(initial)
    const status = call.request.responseStatus
    if (status) done(statusError(status, trailing))
    else done(null, { payload: zeroes(call.request.responseSize) }, trailing)
  },
  async streamingOutputCall(call: grpc.ServerWritableStream<OutputRequest, OutputResponse>) {
    const { initial, trailing } = echoed(call.metadata)
    if (initial !== undefined) call.sendMetadata(initial)
    await answerWith(call, call.request)
    call.end(trailing)
  },
  streamingInputCall(
    call: grpc.ServerReadableStream<InputRequest, InputResponse>,
    done: grpc.sendUnaryData<InputResponse>,
  ) {
    let size = 0
    call.on('data', (request: InputRequest) => (size += request.payload?.body.length ?? 0))
    call.on('end', () => done(null, { aggregatedPayloadSize: size }))
  },
  fullDuplexCall(call: grpc.ServerDuplexStream<OutputRequest, OutputResponse>) {
    const { initial, trailing } = echoed(call.metadata)
    if (initial !== undefined) call.sendMetadata(initial)
    let before = Promise.resolve()
    call.on('data', (request: OutputRequest) => {
      before = before.then(async () => {
        if (request.responseStatus) call.emit('error', statusError(request.responseStatus, trailing))
        else await answerWith(call, request)
      })
    })
    call.on('end', () => void before.then(() => call.end(trailing)))
  },
}

async function answerWith(
  call: { write(message: OutputResponse): boolean; readonly cancelled: boolean },
  request: OutputRequest,
): Promise<void> {
  for (const { size, intervalUs = 0 } of request.responseParameters) {
    if (intervalUs > 0) await sleep(intervalUs / 1000)
    if (call.cancelled) return
    call.write({ payload: zeroes(size) })
  }
}

export class InteropServer {
  readonly #server: grpc.Server
  readonly port: number

  private constructor(server: grpc.Server, port: number) {
    this.#server = server
    this.port = port
  }

  static start(credentials: grpc.ServerCredentials): Promise<InteropServer> {
    const server = new grpc.Server(MESSAGE_LIMIT)
    const { unimplementedCall: _, ...known } = service as Record<string, grpc.MethodDefinition<object, object>>
    const { UnimplementedCall: __, ...served } = known
    server.addService(served as grpc.ServiceDefinition, implementation)
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error === null ? resolve(new InteropServer(server, port)) : reject(error),
      )
    })
  }

  stop(): void {
    this.#server.forceShutdown()
  }
}

/** The calls of the interface, on a channel through the proxy. */
export class InteropClient {
  readonly #client: grpc.Client

  constructor(address: string, credentials: grpc.ChannelCredentials, options: grpc.ChannelOptions = {}) {
    this.#client = new grpc.Client(address, credentials, {
      ...MESSAGE_LIMIT,
      'grpc.ssl_target_name_override': 'test.example',
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    })
  }

  close(): void {
    this.#client.close()
  }

  unary<Q extends object, R extends object>(
    name: string,
    request: Q,
    metadata = new grpc.Metadata(),
    from = service,
  ): Promise<{ response: R; initial: grpc.Metadata; trailing: grpc.Metadata }> {
    const method = from[name] as grpc.MethodDefinition<Q, R>
    return new Promise((resolve, reject) => {
      const seen: { response?: R; initial?: grpc.Metadata } = {}
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        (error, response) => {
          if (error !== null) reject(error)
          else if (response !== undefined) seen.response = response
        },
      )
      call.on('metadata', initial => (seen.initial = initial))
      call.on('status', status => {
        if (seen.response !== undefined)
          resolve({
            response: seen.response,
            initial: seen.initial ?? new grpc.Metadata(),
            trailing: status.metadata,
          })
      })
    })
  }

  clientStream(done: grpc.requestCallback<InputResponse>): grpc.ClientWritableStream<InputRequest> {
    const method = service.StreamingInputCall as grpc.MethodDefinition<InputRequest, InputResponse>
    return this.#client.makeClientStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, done)
  }

  serverStream(request: OutputRequest): grpc.ClientReadableStream<OutputResponse> {
    const method = service.StreamingOutputCall as grpc.MethodDefinition<OutputRequest, OutputResponse>
    return this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
    )
  }

  duplex(
    metadata = new grpc.Metadata(),
    options: grpc.CallOptions = {},
  ): grpc.ClientDuplexStream<OutputRequest, OutputResponse> {
    const method = service.FullDuplexCall as grpc.MethodDefinition<OutputRequest, OutputResponse>
    return this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata,
      options,
    )
  }
}

type Stream = grpc.ClientReadableStream<OutputResponse> | grpc.ClientDuplexStream<OutputRequest, OutputResponse>

/** Reads a stream to its end: sizes of its messages, and its status. */
class Reading {
  readonly sizes: number[] = []
  readonly status: Promise<grpc.StatusObject>
  #wake: () => void = () => {}

  constructor(call: Stream) {
    call.on('data', (message: OutputResponse) => {
      this.sizes.push(message.payload?.body.length ?? 0)
      this.#wake()
    })
    call.on('error', () => {}) // told by the status
    this.status = new Promise(resolve => {
      call.on('status', status => {
        resolve(status)
        this.#wake()
      })
    })
    void this.status.then(() => (this.#isOver = true))
  }

  #isOver = false

  async messages(count: number): Promise<void> {
    while (this.sizes.length < count && !this.#isOver) await new Promise<void>(resolve => (this.#wake = resolve))
    assert.equal(this.sizes.length, count)
  }
}

async function rejected(promise: Promise<unknown>): Promise<grpc.ServiceError> {
  try {
    await promise
  } catch (error) {
    return error as grpc.ServiceError
  }
  assert.fail('the call succeeded')
}

async function largeUnary(client: InteropClient): Promise<void> {
  const { response } = await client.unary<SimpleRequest, SimpleResponse>('UnaryCall', {
    responseSize: LARGE_RESPONSE,
    payload: zeroes(LARGE_REQUEST),
  })
  assert.equal(response.payload?.body.length, LARGE_RESPONSE)
  assert.ok(response.payload.body.every(byte => byte === 0))
}

const PING_PONG = [
  [31_415, 27_182],
  [9, 8],
  [2_653, 1_828],
  [58_979, 45_904],
] as const

/** The standard cases by name. */
export const interopCases: Readonly<Record<string, (client: InteropClient) => Promise<void>>> = {
  async empty_unary(client) {
    const { response } = await client.unary<Empty, Empty>('EmptyCall', {})
    assert.deepEqual({ ...response }, {})
  },
  large_unary: largeUnary,
  async client_streaming(client) {
    const response = await new Promise<InputResponse>((resolve, reject) => {
      const call = client.clientStream((error, value) => (value === undefined ? reject(error) : resolve(value)))
      for (const size of [27_182, 8, 1_828, 45_904]) call.write({ payload: zeroes(size) })
      call.end()
    })
    assert.equal(response.aggregatedPayloadSize, 74_922)
  },
  async server_streaming(client) {
    const sizes = [31_415, 9, 2_653, 58_979]
    const reading = new Reading(client.serverStream({ responseParameters: sizes.map(size => ({ size })) }))
    assert.equal((await reading.status).code, grpc.status.OK)
    assert.deepEqual(reading.sizes, sizes)
  },
  async ping_pong(client) {
    const call = client.duplex()
    const reading = new Reading(call)
    for (const [i, [answer, question]] of PING_PONG.entries()) {
      call.write({ responseParameters: [{ size: answer }], payload: zeroes(question) })
      await reading.messages(i + 1)
    }
    call.end()
    assert.equal((await reading.status).code, grpc.status.OK)
    assert.deepEqual(
      reading.sizes,
      PING_PONG.map(([answer]) => answer),
    )
  },
  async empty_stream(client) {
    const call = client.duplex()
    const reading = new Reading(call)
    call.end()
    assert.equal((await reading.status).code, grpc.status.OK)
    assert.deepEqual(reading.sizes, [])
  },
  async cancel_after_begin(client) {
    const outcome = new Promise<grpc.ServiceError | null>(resolve => {
      const call = client.clientStream(error => resolve(error))
      setImmediate(() => call.cancel())
    })
    assert.equal((await outcome)?.code, grpc.status.CANCELLED)
  },
  async cancel_after_first_response(client) {
    const call = client.duplex()
    const reading = new Reading(call)
    call.write({ responseParameters: [{ size: 31_415 }], payload: zeroes(27_182) })
    await reading.messages(1)
    call.cancel()
    assert.equal((await reading.status).code, grpc.status.CANCELLED)
  },
  async timeout_on_sleeping_server(client) {
    const call = client.duplex(new grpc.Metadata(), { deadline: Date.now() + 20 })
    const reading = new Reading(call)
    call.write({ responseParameters: [{ size: 31_415, intervalUs: 1_000_000 }], payload: zeroes(27_182) })
    // grpc-go's server keeps the deadline too. When its reset wins the race, grpc-js calls that a cancellation; and a reset before the
    // response's head is a 503 of the proxy's, Envoy's too, which stands for UNAVAILABLE.
    const late: readonly grpc.status[] = [grpc.status.DEADLINE_EXCEEDED, grpc.status.CANCELLED, grpc.status.UNAVAILABLE]
    const { code } = await reading.status
    assert.ok(late.includes(code), grpc.status[code])
  },
  async custom_metadata(client) {
    const metadata = new grpc.Metadata()
    const trailing = Buffer.from('ababab', 'hex')
    metadata.set(INITIAL, 'test_initial_metadata_value')
    metadata.set(TRAILING, trailing)
    const unary = await client.unary('UnaryCall', { responseSize: 1, payload: zeroes(1) }, metadata)
    assert.deepEqual(unary.initial.get(INITIAL), ['test_initial_metadata_value'])
    assert.deepEqual(unary.trailing.get(TRAILING), [trailing])

    const call = client.duplex(metadata)
    const initial = new Promise<grpc.Metadata>(resolve => call.on('metadata', resolve))
    const reading = new Reading(call)
    call.write({ responseParameters: [{ size: LARGE_RESPONSE }], payload: zeroes(LARGE_REQUEST) })
    call.end()
    assert.deepEqual((await reading.status).metadata.get(TRAILING), [trailing])
    assert.deepEqual((await initial).get(INITIAL), ['test_initial_metadata_value'])
  },
  async status_code_and_message(client) {
    const responseStatus = { code: 2, message: 'test status message' }
    const error = await rejected(client.unary('UnaryCall', { responseSize: 0, responseStatus }))
    assert.deepEqual([error.code, error.details], [2, 'test status message'])
    const call = client.duplex()
    const reading = new Reading(call)
    call.write({ responseParameters: [], responseStatus })
    call.end()
    const status = await reading.status
    assert.deepEqual([status.code, status.details], [2, 'test status message'])
  },
  async special_status_message(client) {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'
    const error = await rejected(client.unary('UnaryCall', { responseSize: 0, responseStatus: { code: 2, message } }))
    assert.deepEqual([error.code, error.details], [2, message])
  },
  async unimplemented_method(client) {
    assert.equal((await rejected(client.unary('UnimplementedCall', {}))).code, grpc.status.UNIMPLEMENTED)
  },
  async unimplemented_service(client) {
    const error = await rejected(client.unary('UnimplementedCall', {}, new grpc.Metadata(), absent))
    assert.equal(error.code, grpc.status.UNIMPLEMENTED)
  },
}

/** For a client whose channel compresses: the proxy must leave the flag and the encoding headers alone. */
export const compressedCases: Readonly<Record<string, (client: InteropClient) => Promise<void>>> = {
  client_compressed_unary: largeUnary,
}
