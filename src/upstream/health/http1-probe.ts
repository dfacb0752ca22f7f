import type { Socket } from 'node:net'
import type { HttpCheck } from '../../plan/health-check-plan.js'
import { Http1Response } from './http1-response.js'
import { type Header, Verdict } from './http-check.js'
import { type Connect, drop, networkFailure, type Probe, type ProbeResult } from './probe.js'

export interface HttpProbeOptions {
  readonly check: HttpCheck
  readonly headers: readonly Header[]
  readonly serviceName: ((text: string) => boolean) | undefined
  readonly reuses: boolean
  readonly connect: Connect
  readonly onResult: (result: ProbeResult) => void
}

/** Checks by HTTP/1.1: its own writer and reader, so that the bytes are Envoy's. */
export class Http1Probe implements Probe {
  readonly #options: HttpProbeOptions
  readonly #request: Buffer
  #socket: Socket | undefined
  #isOpen = false
  #response: Http1Response | undefined

  constructor(options: HttpProbeOptions) {
    this.#options = options
    this.#request = requestBytes(options)
  }

  start(): void {
    const { check, serviceName } = this.#options
    const verdict = new Verdict(check, serviceName)
    this.#response = new Http1Response(check.method === 'HEAD', {
      onHead: (status, headers) => verdict.head(status, headers),
      onBody: bytes => verdict.body(bytes),
      onEnd: isReusable => this.#ended(isReusable, verdict),
    })
    if (this.#socket === undefined) this.#open()
    else if (this.#isOpen) this.#socket.write(this.#request)
  }

  giveUp(): void {
    this.#response = undefined
    this.#drop()
  }

  close(): void {
    this.giveUp()
  }

  #open(): void {
    const socket = this.#options.connect(() => {
      this.#isOpen = true
      socket.on('data', (bytes: Buffer) => {
        // What comes unasked, or is no HTTP, ends the connection.
        if (this.#response === undefined || !this.#response.push(bytes)) this.#lost()
      })
      if (this.#response !== undefined) socket.write(this.#request)
    })
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('end', () => this.#finished())
    socket.on('close', () => this.#finished())
  }

  #finished(): void {
    if (this.#response?.end() === true) return
    this.#lost()
  }

  #lost(): void {
    const wasAsked = this.#response !== undefined
    this.giveUp()
    if (wasAsked) this.#options.onResult(networkFailure)
  }

  #ended(isReusable: boolean, verdict: Verdict): void {
    this.#response = undefined
    if (!isReusable || !this.#options.reuses) this.#drop()
    this.#options.onResult(verdict.result())
  }

  #drop(): void {
    drop(this.#socket)
    this.#socket = undefined
    this.#isOpen = false
  }
}

function requestBytes({ check, headers }: HttpProbeOptions): Buffer {
  const fields = headers
    .filter(([name]) => !name.startsWith(':') || name === ':authority')
    .map(([name, value]) => `${name === ':authority' ? 'host' : name}: ${value}\r\n`)
  const head = `${check.method} ${check.path} HTTP/1.1\r\n${fields.join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), check.send])
}
