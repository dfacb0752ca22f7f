// PROXY protocol headers and TLS ClientHellos, well formed or not, as a peer of the proxy may send them.

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

export const tlv = (type: number, value: string | Buffer): Buffer => {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 255]), bytes])
}

const port = (value: number): Buffer => Buffer.from([value >> 8, value & 255])

/** Source and destination of version 2, IPv4. */
export const ipv4 = (source = [1, 2, 3, 4], destination = [5, 6, 7, 8], ports = [1111, 2222]): Buffer =>
  Buffer.concat([Buffer.from([...source, ...destination]), ...ports.map(port)])

export const ipv6: Buffer = Buffer.concat([
  Buffer.from('fe800000000000000000000000000001', 'hex'),
  Buffer.from('20010000000000000000000000000002', 'hex'),
  port(1111),
  port(2222),
])

export interface ProxyV2 {
  readonly versionCommand?: number
  readonly family?: number
  readonly body?: Buffer
}

export function proxyV2({ versionCommand = 0x21, family = 0x11, body = ipv4() }: ProxyV2 = {}): Buffer {
  return Buffer.concat([signature, Buffer.from([versionCommand, family, body.length >> 8, body.length & 255]), body])
}

// ---------------------------------------------------------------- TLS

const sized = (bytes: number, body: Buffer): Buffer => {
  const length = Buffer.alloc(bytes)
  length.writeUIntBE(body.length, 0, bytes)
  return Buffer.concat([length, body])
}
const number16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])

export const helloExtension = (type: number, body: Buffer): Buffer => Buffer.concat([number16(type), sized(2, body)])
export const serverName = (name: string, type = 0): Buffer =>
  helloExtension(0, sized(2, Buffer.concat([Buffer.from([type]), sized(2, Buffer.from(name, 'latin1'))])))
export const alpn = (...names: string[]): Buffer =>
  helloExtension(16, sized(2, Buffer.concat(names.map(name => sized(1, Buffer.from(name, 'latin1'))))))
export const versions = (...list: number[]): Buffer => helloExtension(43, sized(1, Buffer.concat(list.map(number16))))
export const tls13: Buffer = versions(0x0304)
export const padding = (size: number): Buffer => helloExtension(21, Buffer.alloc(size))

export interface Hello {
  readonly version?: number
  readonly session?: Buffer
  readonly ciphers?: Buffer
  readonly compression?: Buffer
  /** undefined: the message ends before them. */
  readonly extensions?: readonly Buffer[] | undefined
  /** Instead of the true length of the message. */
  readonly claims?: number
  readonly type?: number
  /** Bytes inside the message, after everything. */
  readonly trailing?: Buffer
}

/** The handshake message, without a record around it. */
export function clientHello(hello: Hello = {}): Buffer {
  const extensions = 'extensions' in hello ? hello.extensions : [tls13]
  const body = Buffer.concat([
    number16(hello.version ?? 0x0303),
    Buffer.alloc(32, 'R'),
    sized(1, hello.session ?? Buffer.alloc(0)),
    sized(2, hello.ciphers ?? Buffer.from([0x13, 0x01, 0xc0, 0x2f])),
    sized(1, hello.compression ?? Buffer.from([0])),
    ...(extensions === undefined ? [] : [sized(2, Buffer.concat(extensions))]),
    hello.trailing ?? Buffer.alloc(0),
  ])
  const length = Buffer.alloc(3)
  length.writeUIntBE(hello.claims ?? body.length, 0, 3)
  return Buffer.concat([Buffer.from([hello.type ?? 1]), length, body])
}

export const tlsRecord = (body: Buffer, version = 0x0301, type = 22): Buffer =>
  Buffer.concat([Buffer.from([type]), number16(version), sized(2, body)])
