import type { HeaderChange, HttpCheck, StatusRange } from '../../plan/health-check-plan.js'
import { contains, type ProbeResult } from './probe.js'

export type Header = readonly [name: string, value: string]

/** As Envoy's name in the headers of all its health checks. */
const userAgent = 'Envoy/HC'

/** The headers of a check, pseudo-headers first. `host`: of the member, or what the check or the cluster is called. */
export function requestHeaders(check: HttpCheck, host: string, scheme: string): Header[] {
  const pseudo: Header[] = [
    [':method', check.method],
    [':authority', host],
    [':path', check.path],
    [':scheme', scheme],
  ]
  return [...pseudo, ...changed([['user-agent', userAgent]], check.headers, check.removedHeaders), ...lengthOf(check)]
}

const withBody = ['POST', 'PUT', 'PATCH']

// A request without a body says so where its method usually has one: HTTP/1 only, and there the codec's own doing.
function lengthOf(check: HttpCheck): Header[] {
  if (check.send.length > 0) return [['content-length', String(check.send.length)]]
  return !check.isHttp2 && withBody.includes(check.method) ? [['content-length', '0']] : []
}

/** As Envoy does it: what is removed goes first, then what replaces, then what is added; headers of ours take no second line. */
export function changed(
  headers: readonly Header[],
  changes: readonly HeaderChange[],
  removed: readonly string[],
): Header[] {
  let out = headers.filter(([name]) => !removed.includes(name))
  const own = new Set(out.map(([name]) => name))
  const wanted = changes.filter(({ value, keepsEmpty }) => value !== '' || keepsEmpty)
  const isThere = (name: string) => out.some(([known]) => known === name)
  for (const { name, value, action } of wanted) {
    if (action !== 'overwrite' && !(action === 'overwrite-if-present' && isThere(name))) continue
    const at = out.findIndex(([known]) => known === name)
    if (at < 0) out.push([name, value])
    else
      out = out.flatMap((header, index) =>
        index === at ? [[name, value] as const] : header[0] === name ? [] : [header],
      )
  }
  for (const { name, value, action } of wanted) {
    if (action !== 'append' && !(action === 'add-if-absent' && !isThere(name))) continue
    const at = own.has(name) ? out.findIndex(([known]) => known === name) : -1
    if (at < 0) out.push([name, value])
    else out[at] = [name, `${out[at]?.[1]},${value}`]
  }
  return out
}

/** A response as it comes in. */
export class Verdict {
  readonly #check: HttpCheck
  readonly #serviceName: ((text: string) => boolean) | undefined
  #status = 0
  #headers: ReadonlyMap<string, string> = new Map()
  #body: Buffer[] = []
  #size = 0

  /** `serviceName`: what the cluster in the answer must fulfil; undefined: it does not matter. */
  constructor(check: HttpCheck, serviceName: ((text: string) => boolean) | undefined) {
    this.#check = check
    this.#serviceName = serviceName
  }

  head(status: number, headers: ReadonlyMap<string, string>): void {
    this.#status = status
    this.#headers = headers
  }

  /** Keeps no more than may be looked at. */
  body(bytes: Buffer): void {
    const { receive, responseBufferBytes } = this.#check
    if (receive.length === 0) return
    const room = (responseBufferBytes === 0 ? mostBody : responseBufferBytes) - this.#size
    if (room <= 0) return
    this.#body.push(Buffer.from(bytes.subarray(0, room)))
    this.#size += Math.min(room, bytes.length)
  }

  result(): ProbeResult {
    const check = this.#check
    const httpStatus = this.#status
    const failed = { kind: 'failure', type: 'ACTIVE', httpStatus } as const
    if (!isIn(check.expected, httpStatus)) {
      const isExcluded = this.#headers.has('x-envoy-immediate-health-check-fail')
      return { ...failed, isRetriable: isIn(check.retriable, httpStatus), isExcluded }
    }
    if (this.#serviceName !== undefined) {
      const cluster = this.#headers.get('x-envoy-upstream-healthchecked-cluster') ?? ''
      if (!this.#serviceName(cluster)) return { ...failed, verifiesCluster: true }
      return { ...this.#passed, verifiesCluster: true }
    }
    return contains(Buffer.concat(this.#body), check.receive) ? this.#passed : failed
  }

  get #passed(): ProbeResult {
    return { kind: 'success', isDegraded: this.#headers.has('x-envoy-degraded') }
  }
}

/** Of a body that is to be kept as a whole. */
const mostBody = 1 << 24

const isIn = (ranges: readonly StatusRange[], status: number): boolean =>
  ranges.some(({ start, end }) => status >= start && status < end)
