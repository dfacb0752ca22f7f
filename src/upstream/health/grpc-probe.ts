import type { GrpcCheck } from '../../plan/health-check-plan.js'
import { changed, type Header } from './http-check.js'
import { Http2Connection } from './http2-connection.js'
import { type Connect, networkFailure, type Probe, type ProbeResult } from './probe.js'

export interface GrpcProbeOptions {
  readonly check: GrpcCheck
  readonly authority: string
  readonly scheme: string
  readonly timeoutMs: number
  readonly reuses: boolean
  readonly connect: Connect
  readonly onResult: (result: ProbeResult) => void
}

/** Of grpc.health.v1.HealthCheckResponse. */
const serving = 1

/** Checks by grpc.health.v1.Health/Check. */
export class GrpcProbe implements Probe {
  readonly #options: GrpcProbeOptions
  readonly #connection: Http2Connection
  readonly #headers: readonly Header[]
  readonly #message: Buffer

  constructor(options: GrpcProbeOptions) {
    this.#options = options
    this.#connection = new Http2Connection(options.connect)
    const { check, authority, scheme, timeoutMs } = options
    const own: Header[] = [
      [':method', 'POST'],
      [':path', '/grpc.health.v1.Health/Check'],
      [':authority', authority],
      [':scheme', scheme],
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
      ['user-agent', 'Envoy/HC'],
    ]
    this.#headers = [...changed(own, check.headers, []), ['grpc-timeout', `${timeoutMs}m`]]
    this.#message = request(check.serviceName)
  }

  start(): void {
    const { reuses, onResult } = this.#options
    let head: ReadonlyMap<string, string> = new Map()
    let trailers: ReadonlyMap<string, string> = new Map()
    const body: Buffer[] = []
    let size = 0
    this.#connection.request(this.#headers, this.#message, {
      onHead: headers => {
        head = headers
      },
      onBody: bytes => {
        size += bytes.length
        if (size <= mostBytes) body.push(bytes)
      },
      onTrailers: headers => {
        trailers = headers
      },
      onEnd: isWhole => {
        if (!isWhole || !reuses || this.#connection.isLeaving) this.#connection.close()
        if (!isWhole && head.size === 0) return onResult(networkFailure)
        const status = trailers.get('grpc-status') ?? head.get('grpc-status')
        const isGood = head.get(':status') === '200' && isGrpc(head) && status === '0'
        if (isGood && isServing(Buffer.concat(body))) return onResult({ kind: 'success', isDegraded: false })
        onResult({ kind: 'failure', type: 'ACTIVE', httpStatus: 0 })
      },
    })
  }

  giveUp(): void {
    this.#connection.close()
  }

  close(): void {
    this.#connection.close()
  }
}

const mostBytes = 1 << 16

const isGrpc = (head: ReadonlyMap<string, string>): boolean =>
  /^application\/grpc(\+|;|$)/.test(head.get('content-type') ?? '')

/** HealthCheckRequest{service = 1} in its frame. */
function request(service: string): Buffer {
  const text = Buffer.from(service, 'utf8')
  const length: number[] = []
  for (let rest = text.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  const message = text.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...length]), text])
  const frame = Buffer.alloc(5)
  frame.writeUInt32BE(message.length, 1)
  return Buffer.concat([frame, message])
}

/** HealthCheckResponse{status = 1} in its frame. */
function isServing(bytes: Buffer): boolean {
  if (bytes.length < 5 || bytes[0] !== 0 || bytes.length !== 5 + bytes.readUInt32BE(1)) return false
  const message = bytes.subarray(5)
  // One field of one byte, the last word counts.
  let status = 0
  for (let at = 0; at + 1 < message.length; at += 2) {
    if (message[at] !== 0x08) return false
    status = message[at + 1] ?? 0
  }
  return message.length % 2 === 0 && status === serving
}
