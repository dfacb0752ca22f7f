import type { HttpProbeOptions } from './http1-probe.js'
import { Verdict } from './http-check.js'
import { Http2Connection } from './http2-connection.js'
import { networkFailure, type Probe } from './probe.js'

/** Checks by HTTP/2. */
export class Http2Probe implements Probe {
  readonly #options: HttpProbeOptions
  readonly #connection: Http2Connection

  constructor(options: HttpProbeOptions) {
    this.#options = options
    this.#connection = new Http2Connection(options.connect)
  }

  start(): void {
    const { check, headers, serviceName, reuses, onResult } = this.#options
    const verdict = new Verdict(check, serviceName)
    this.#connection.request(headers, check.send, {
      onHead: head => verdict.head(Number(head.get(':status')), head),
      onBody: bytes => verdict.body(bytes),
      onTrailers: () => undefined,
      onEnd: isWhole => {
        if (!isWhole || !reuses || this.#connection.isLeaving) this.#connection.close()
        onResult(isWhole ? verdict.result() : networkFailure)
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
