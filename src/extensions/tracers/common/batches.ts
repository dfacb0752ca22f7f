import type { BuiltInContext } from '../../../api/built-in.js'
import type { Counter, FilterContext } from '../../../api/context.js'

const defaultMinimum = 5
const defaultIntervalMs = 5_000

export interface BatchParts<Span> {
  readonly context: FilterContext & BuiltInContext
  /** Of statistics and runtime keys: "tracing.zipkin". */
  readonly prefix: string
  /** As many spans may wait; absent: no more than are sent together. */
  readonly most?: number
  send(spans: readonly Span[]): void
}

/** Spans that wait to be sent together: until there are enough, or until the time is over. As many as Envoy collects, by the same keys. */
export class SpanBatches<Span> {
  readonly #parts: BatchParts<Span>
  readonly #sent: Counter
  readonly #timerFlushed: Counter
  readonly #dropped: Counter | undefined
  #waiting: Span[] = []
  #timer: NodeJS.Timeout

  constructor(parts: BatchParts<Span>) {
    this.#parts = parts
    const { context, prefix, most } = parts
    this.#dropped = most === undefined ? undefined : context.counter(`${prefix}.spans_dropped`)
    this.#sent = context.counter(`${prefix}.spans_sent`)
    this.#timerFlushed = context.counter(`${prefix}.timer_flushed`)
    this.#timer = this.#arm()
    // Nobody else would send what was recorded for this version of the configuration.
    context.signal.addEventListener('abort', () => {
      clearTimeout(this.#timer)
      this.#flush()
    })
  }

  add(span: Span): void {
    const { most = Number.POSITIVE_INFINITY } = this.#parts
    if (this.#waiting.length >= most) return this.#dropped?.inc()
    const enough = this.#setting('min_flush_spans', defaultMinimum)
    if (this.#waiting.push(span) >= enough) this.#flush()
  }

  #setting(key: string, fallback: number): number {
    const { context, prefix } = this.#parts
    return context.runtimeInteger(`${prefix}.${key}`, fallback)
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(
      () => {
        this.#timerFlushed.inc()
        this.#flush()
        this.#timer = this.#arm()
      },
      Math.max(1, this.#setting('flush_interval_ms', defaultIntervalMs)),
    ).unref()
  }

  #flush(): void {
    const spans = this.#waiting
    if (spans.length === 0) return
    this.#waiting = []
    this.#sent.inc(spans.length)
    this.#parts.send(spans)
  }
}
