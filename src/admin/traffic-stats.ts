import type { Socket } from 'node:net'
import type { MainScope } from '../stats/main-scope.js'
import type { StatsStore } from '../stats/store.js'

/** The admin listener's own statistics: `listener.admin.`, `listener.admin.main_thread.`, `http.admin.`. */
export class AdminTrafficStats {
  readonly #listener: MainScope
  readonly #thread: MainScope
  readonly #listenerHttp: MainScope
  readonly #http: MainScope

  constructor(store: StatsStore) {
    this.#listener = store.scope('listener', 'admin')
    this.#thread = store.scope('listener_worker', 'admin.main_thread')
    this.#listenerHttp = store.scope('listener_http', 'admin.http.admin')
    this.#http = store.scope('http', 'admin')
  }

  connected(socket: Socket): void {
    const start = performance.now()
    this.#listener.set('downstream_pre_cx_active', 0)
    this.#listener.record('connections_accepted_per_socket_event', 1)
    for (const scope of [this.#listener, this.#thread, this.#http]) {
      scope.inc('downstream_cx_total')
      scope.inc('downstream_cx_active')
    }
    this.#http.inc('downstream_cx_http1_total')
    this.#http.inc('downstream_cx_http1_active')
    let isRemote = false
    socket.once('end', () => {
      isRemote = true
    })
    socket.once('close', () => {
      for (const scope of [this.#listener, this.#thread, this.#http]) scope.dec('downstream_cx_active')
      this.#http.dec('downstream_cx_http1_active')
      this.#listener.inc('downstream_cx_destroy')
      this.#http.inc('downstream_cx_destroy')
      this.#http.inc(isRemote ? 'downstream_cx_destroy_remote' : 'downstream_cx_destroy_local')
      this.#http.inc('downstream_cx_rx_bytes_total', socket.bytesRead)
      this.#http.inc('downstream_cx_tx_bytes_total', socket.bytesWritten)
      const length = performance.now() - start
      this.#listener.record('downstream_cx_length_ms', length)
      this.#http.record('downstream_cx_length_ms', length)
    })
  }

  began(): void {
    for (const name of ['downstream_rq_total', 'downstream_rq_http1_total', 'downstream_rq_active'])
      this.#http.inc(name)
  }

  /** The status is known; called before the body is made, so that /stats counts itself as Envoy's does. */
  answered(status: number): void {
    for (const scope of [this.#http, this.#listenerHttp]) {
      scope.inc(`downstream_rq_${Math.floor(status / 100)}xx`)
      scope.inc('downstream_rq_completed')
    }
  }

  ended(milliseconds: number): void {
    this.#http.dec('downstream_rq_active')
    this.#http.record('downstream_rq_time', milliseconds)
  }
}
