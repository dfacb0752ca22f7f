import type { Socket } from 'node:net'
import type { TcpCheck } from '../../plan/health-check-plan.js'
import { type Connect, contains, drop, networkFailure, type Probe, type ProbeResult } from './probe.js'

export interface TcpProbeOptions {
  readonly check: TcpCheck
  readonly reuses: boolean
  readonly connect: Connect
  /** A check failed though none was under way: a connection that was kept has gone. */
  readonly onResult: (result: ProbeResult) => void
}

const mostBytes = 1 << 20
const success: ProbeResult = { kind: 'success', isDegraded: false }

/** Checks by TCP: connects, and where something is to be received, sends and waits for it. */
export class TcpProbe implements Probe {
  readonly #options: TcpProbeOptions
  #socket: Socket | undefined
  #received: Buffer[] = []
  #size = 0

  constructor(options: TcpProbeOptions) {
    this.#options = options
  }

  start(): void {
    this.#received = []
    this.#size = 0
    if (this.#socket !== undefined) {
      this.#write(this.#socket)
      return
    }
    const socket = this.#options.connect(() => this.#connected(socket))
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('end', () => this.#lost())
    socket.on('close', () => this.#lost())
  }

  giveUp(): void {
    drop(this.#socket)
    this.#socket = undefined
  }

  close(): void {
    this.giveUp()
  }

  #connected(socket: Socket): void {
    const { check, onResult } = this.#options
    if (check.receive.length === 0) {
      this.giveUp()
      return onResult(success)
    }
    socket.on('data', (bytes: Buffer) => this.#data(bytes))
    socket.resume()
    this.#write(socket)
  }

  // As in Envoy, each check begins with the header, on a connection that was kept too.
  #write(socket: Socket): void {
    const { proxyProtocol, send } = this.#options.check
    const bytes = Buffer.concat([proxyHeader(proxyProtocol, socket), send])
    if (bytes.length > 0) socket.write(bytes)
  }

  #data(bytes: Buffer): void {
    const { check, reuses, onResult } = this.#options
    this.#size += bytes.length
    if (this.#size > mostBytes) return this.#lost()
    this.#received.push(bytes)
    if (!contains(Buffer.concat(this.#received), check.receive)) return
    this.#received = []
    this.#size = 0
    if (!reuses) this.giveUp()
    onResult(success)
  }

  #lost(): void {
    if (this.#socket === undefined) return
    this.giveUp()
    this.#options.onResult(networkFailure)
  }
}

/** The PROXY header of a connection of our own: version 1 names its ends, version 2 says LOCAL. */
function proxyHeader(version: 0 | 1 | 2, socket: Socket): Buffer {
  if (version === 0) return Buffer.alloc(0)
  if (version === 2) return Buffer.from('\r\n\r\n\0\r\nQUIT\n\x20\0\0\0', 'latin1')
  const { localAddress, localPort, remoteAddress, remotePort, localFamily } = socket
  if (localAddress === undefined || remoteAddress === undefined) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1')
  const family = localFamily === 'IPv6' ? 'TCP6' : 'TCP4'
  return Buffer.from(`PROXY ${family} ${localAddress} ${remoteAddress} ${localPort} ${remotePort}\r\n`, 'latin1')
}
