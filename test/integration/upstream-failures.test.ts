// What a client is told when the upstream fails or is full.
import { get, head } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { OK, silence, thenClose, thenReset } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const LOG =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG% %RESPONSE_CODE_DETAILS% tries=%UPSTREAM_REQUEST_ATTEMPT_COUNT% host=%UPSTREAM_HOST% failure=%UPSTREAM_TRANSPORT_FAILURE_REASON%\n'

// A port nobody listens on: reserved by the kernel for tcpmux, and never served here.
const REFUSING =
  'load_assignment: {cluster_name: refusing, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}'

feature(
  'local replies of the router',
  {
    file: import.meta.url,
    clusters: [
      cluster('up'),
      cluster('refusing', [], REFUSING),
      cluster('empty', []),
      cluster(
        'unhealthy',
        [],
        'load_assignment: {cluster_name: unhealthy, endpoints: [{lb_endpoints: [{health_status: UNHEALTHY, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}\ncommon_lb_config: {healthy_panic_threshold: {value: 0}}',
      ),
      cluster(
        'panic',
        [],
        'load_assignment: {cluster_name: panic, endpoints: [{lb_endpoints: [{health_status: UNHEALTHY, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
      ),
      cluster('maintained', ['up']),
    ],
    listeners: [
      http('main', {
        log: LOG,
        routes: `
- {match: {prefix: /refusing}, route: {cluster: refusing}}
- {match: {prefix: /empty}, route: {cluster: empty}}
- {match: {prefix: /unhealthy}, route: {cluster: unhealthy}}
- {match: {prefix: /panic}, route: {cluster: panic}}
- {match: {prefix: /maintained}, route: {cluster: maintained}}
- {match: {prefix: /timeout}, route: {cluster: up, timeout: 0.1s}}
- {match: {prefix: /ok}, route: {cluster: up}}
`,
      }),
    ],
    more: 'layered_runtime: {layers: [{name: s, static_layer: {upstream.maintenance_mode.maintained: 100}}]}',
  },
  f => {
    f.exchange('no route', {
      send: get('/nothing'),
      sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: 404 NR NoRouteFound route_not_found tries=0 host=- failure=-
  `,
    })
    f.exchange('no route for HEAD', {
      send: head('HEAD /nothing HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    transfer-encoding: chunked

    (open)
    log: 404 NR NoRouteFound route_not_found tries=0 host=- failure=-
  `,
    })
    f.exchange('no route for gRPC', {
      send: head(
        'POST /nothing HTTP/1.1',
        'host: a',
        'content-type: application/grpc',
        'te: trailers',
        'content-length: 0',
      ),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 12
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: 200 NR NoRouteFound route_not_found tries=0 host=- failure=-
  `,
    })
    f.exchange('a cluster without hosts', {
      send: get('/empty'),
      stats: /cluster\.empty/,
      sees: `
    stat: cluster.empty.external.upstream_rq_503 +1
    stat: cluster.empty.external.upstream_rq_5xx +1
    stat: cluster.empty.external.upstream_rq_completed +1
    stat: cluster.empty.lb_healthy_panic +1
    stat: cluster.empty.upstream_cx_none_healthy +1
    stat: cluster.empty.upstream_rq_503 +1
    stat: cluster.empty.upstream_rq_5xx +1
    stat: cluster.empty.upstream_rq_completed +1
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 19
    content-type: text/plain
    date: DATE
    server: envoy

    no healthy upstream
    (open)
    log: 503 UH NoHealthyUpstream no_healthy_upstream tries=1 host=- failure=-
  `,
    })
    f.exchange('a cluster without hosts for gRPC', {
      send: head('POST /empty HTTP/1.1', 'host: a', 'content-type: application/grpc', 'content-length: 0'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 14
    grpc-message: no healthy upstream
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: 200 UH NoHealthyUpstream no_healthy_upstream tries=1 host=- failure=-
  `,
    })
    f.exchange('a cluster without hosts, HEAD', {
      send: head('HEAD /empty HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 19
    content-type: text/plain
    date: DATE
    server: envoy

    (open)
    log: 503 UH NoHealthyUpstream no_healthy_upstream tries=1 host=- failure=-
  `,
    })
    f.exchange('no healthy host', {
      send: get('/unhealthy'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 19
    content-type: text/plain
    date: DATE
    server: envoy

    no healthy upstream
    (open)
    log: 503 UH NoHealthyUpstream no_healthy_upstream tries=1 host=- failure=-
  `,
    })
    f.exchange('panic: unhealthy hosts are used', {
      send: get('/panic'),
      stats: /cluster\.panic\.lb_/,
      sees: `
    stat: cluster.panic.lb_healthy_panic +1
    > up
    GET /panic HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('a refused connection', {
      send: get('/refusing'),
      stats: /cluster\.refusing/,
      sees: `
    stat: cluster.refusing.external.upstream_rq_503 +1
    stat: cluster.refusing.external.upstream_rq_5xx +1
    stat: cluster.refusing.external.upstream_rq_completed +1
    stat: cluster.refusing.upstream_cx_connect_fail +1
    stat: cluster.refusing.upstream_cx_destroy +1
    stat: cluster.refusing.upstream_cx_destroy_remote +1
    stat: cluster.refusing.upstream_cx_http1_total +1
    stat: cluster.refusing.upstream_cx_total +1
    stat: cluster.refusing.upstream_rq_503 +1
    stat: cluster.refusing.upstream_rq_5xx +1
    stat: cluster.refusing.upstream_rq_completed +1
    stat: cluster.refusing.upstream_rq_pending_failure_eject +1
    stat: cluster.refusing.upstream_rq_pending_total +1
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 98
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
    (open)
    log: 503 UF UpstreamConnectionFailure upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} tries=1 host=127.0.0.1:1 failure=delayed_connect_error:_Connection_refused
  `,
    })
    f.exchange('a refused connection for gRPC', {
      send: head('POST /refusing HTTP/1.1', 'host: a', 'content-type: application/grpc', 'content-length: 0'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 14
    grpc-message: upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: 200 UF UpstreamConnectionFailure upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} tries=1 host=127.0.0.1:1 failure=delayed_connect_error:_Connection_refused
  `,
    })
    f.exchange('a refused connection with a body on its way', {
      send: head('POST /refusing HTTP/1.1', 'host: a', 'content-length: 10') + 'abc',
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 98
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
    (closed)
    log: 503 UF UpstreamConnectionFailure upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} tries=1 host=127.0.0.1:1 failure=delayed_connect_error:_Connection_refused
  `,
    })
    f.exchange('closed without an answer', {
      send: get('/ok'),
      reply: thenClose(),
      stats: /cluster\.up\.(?!upstream_cx_tx_bytes)/,
      sees: `
    stat: cluster.up.external.upstream_rq_503 +1
    stat: cluster.up.external.upstream_rq_5xx +1
    stat: cluster.up.external.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_remote +1
    stat: cluster.up.upstream_cx_destroy_remote_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +1
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_rq_503 +1
    stat: cluster.up.upstream_rq_5xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_total +1
    > up
    GET /ok HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 95
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection termination
    (open)
    log: 503 UC UpstreamConnectionTermination upstream_reset_before_response_started{connection_termination} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('reset without an answer', {
      send: get('/ok'),
      reply: thenReset(),
      stats: /cluster\.up\.(?!upstream_cx_tx_bytes)/,
      sees: `
    stat: cluster.up.external.upstream_rq_503 +1
    stat: cluster.up.external.upstream_rq_5xx +1
    stat: cluster.up.external.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_remote +1
    stat: cluster.up.upstream_cx_destroy_remote_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +1
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_rq_503 +1
    stat: cluster.up.upstream_rq_5xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_total +1
    > up
    GET /ok HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 95
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection termination
    (open)
    log: 503 UC UpstreamConnectionTermination upstream_reset_before_response_started{connection_termination} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('an answer that is no HTTP', {
      send: get('/ok'),
      reply: 'nonsense\r\n\r\n',
      stats: /cluster\.up\.(?!upstream_cx_tx_bytes)/,
      sees: `
    stat: cluster.up.external.upstream_rq_502 +1
    stat: cluster.up.external.upstream_rq_5xx +1
    stat: cluster.up.external.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_local +1
    stat: cluster.up.upstream_cx_destroy_local_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +1
    stat: cluster.up.upstream_cx_protocol_error +1
    stat: cluster.up.upstream_cx_rx_bytes_total +12
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_rq_502 +1
    stat: cluster.up.upstream_rq_5xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_total +1
    > up
    GET /ok HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: 502 UPE UpstreamProtocolError upstream_reset_before_response_started{protocol_error} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('an answer cut short', {
      send: get('/ok'),
      reply: thenClose(`${head('HTTP/1.1 200 OK', 'content-length: 9')}abc`),
      until: 'close',
      log: 1,
      stats: /cluster\.up|main.*reset/,
      sees: `
    stat: cluster.up.external.upstream_rq_200 +1
    stat: cluster.up.external.upstream_rq_2xx +1
    stat: cluster.up.external.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_remote +1
    stat: cluster.up.upstream_cx_destroy_remote_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +1
    stat: cluster.up.upstream_cx_protocol_error +1
    stat: cluster.up.upstream_cx_rx_bytes_total +41
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_cx_tx_bytes_total +145
    stat: cluster.up.upstream_rq_200 +1
    stat: cluster.up.upstream_rq_2xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_total +1
    stat: http.main.downstream_rq_rx_reset +1
    stat: http.main.downstream_rq_tx_reset +1
    > up
    GET /ok HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 9
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    abc
    (closed)
    log: 200 UPE UpstreamProtocolError upstream_reset_after_response_started{protocol_error} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('an answer cut short by a reset', {
      send: get('/ok'),
      reply: thenReset(`${head('HTTP/1.1 200 OK', 'content-length: 9')}abc`),
      until: 'close',
      log: 1,
      stats: /cluster\.up\.(?!upstream_cx_tx_bytes)/,
      sees: `
    stat: cluster.up.external.upstream_rq_200 +1
    stat: cluster.up.external.upstream_rq_2xx +1
    stat: cluster.up.external.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_remote +1
    stat: cluster.up.upstream_cx_destroy_remote_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +1
    stat: cluster.up.upstream_cx_protocol_error +1
    stat: cluster.up.upstream_cx_rx_bytes_total +41
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_rq_200 +1
    stat: cluster.up.upstream_rq_2xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_total +1
    > up
    GET /ok HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 9
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    abc
    (closed)
    log: 200 UPE UpstreamProtocolError upstream_reset_after_response_started{protocol_error} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('the route timeout', {
      send: get('/timeout'),
      reply: silence,
      stats: /cluster\.up\.(?!upstream_cx_tx_bytes)/,
      sees: `
    stat: cluster.up.external.upstream_rq_504 +1
    stat: cluster.up.external.upstream_rq_5xx +1
    stat: cluster.up.external.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_local +1
    stat: cluster.up.upstream_cx_destroy_local_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +1
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_rq_504 +1
    stat: cluster.up.upstream_rq_5xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_timeout +1
    stat: cluster.up.upstream_rq_total +1
    > up
    GET /timeout HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100

    < client
    HTTP/1.1 504 Gateway Timeout
    content-length: 24
    content-type: text/plain
    date: DATE
    server: envoy

    upstream request timeout
    (open)
    log: 504 UT UpstreamRequestTimeout response_timeout tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('the route timeout for gRPC', {
      send: head('POST /timeout HTTP/1.1', 'host: a', 'content-type: application/grpc', 'content-length: 0'),
      reply: silence,
      sees: `
    > up
    POST /timeout HTTP/1.1
    host: a
    content-type: application/grpc
    content-length: 0
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100

    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 14
    grpc-message: upstream request timeout
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: 200 UT UpstreamRequestTimeout response_timeout tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('maintenance mode', {
      send: get('/maintained'),
      stats: /cluster\.maintained/,
      sees: `
    stat: cluster.maintained.external.upstream_rq_503 +1
    stat: cluster.maintained.external.upstream_rq_5xx +1
    stat: cluster.maintained.external.upstream_rq_completed +1
    stat: cluster.maintained.upstream_rq_503 +1
    stat: cluster.maintained.upstream_rq_5xx +1
    stat: cluster.maintained.upstream_rq_completed +1
    stat: cluster.maintained.upstream_rq_maintenance_mode +1
    < client
    HTTP/1.1 503 Service Unavailable
    x-envoy-overloaded: true
    content-length: 16
    content-type: text/plain
    date: DATE
    server: envoy

    maintenance mode
    (open)
    log: 503 UO UpstreamOverflow maintenance_mode tries=0 host=- failure=-
  `,
    })
  },
)

feature(
  'circuit breakers',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [
      cluster('requests', ['up'], 'circuit_breakers: {thresholds: [{max_requests: 1}]}'),
      cluster('connections', ['up'], 'circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 1}]}'),
      cluster('pending', ['up'], 'circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 0}]}'),
      cluster('nopending', ['up'], 'circuit_breakers: {thresholds: [{max_pending_requests: 0}]}'),
      cluster(
        'high',
        ['up'],
        'circuit_breakers: {thresholds: [{max_requests: 1}, {priority: HIGH, max_requests: 100}]}',
      ),
      cluster(
        'tracked',
        ['up'],
        'circuit_breakers: {thresholds: [{max_requests: 5, max_connections: 4, max_pending_requests: 3, max_retries: 2, track_remaining: true}]}',
      ),
    ],
    listeners: [
      http('main', {
        log: LOG,
        routes:
          '[{match: {prefix: /requests}, route: {cluster: requests}}, {match: {prefix: /connections}, route: {cluster: connections}}, {match: {prefix: /pending}, route: {cluster: pending}}, {match: {prefix: /nopending}, route: {cluster: nopending}}, {match: {prefix: /high/high}, route: {cluster: high, priority: HIGH}}, {match: {prefix: /high}, route: {cluster: high}}, {match: {prefix: /tracked}, route: {cluster: tracked}}]',
      }),
    ],
  },
  f => {
    const second =
      (path: string, names: RegExp, other = path) =>
      async (s: Scene): Promise<void> => {
        s.upstream().script(silence)
        const first = await s.connect()
        await s.statsOf(names, async () => {
          await first.send(get(path))
          await s.upstream().nextRequest()
          const client = await s.connect()
          await client.send(get(other))
          await client.response()
          s.sawAll(client, 'second client')
        })
        await s.upstream().requests[0]?.connection.send(OK)
        await first.response()
        s.sawAll(first, 'first client')
        await s.sawLog(2)
      }
    f.scenario(
      'max_requests: the second is refused at once',
      {
        sees: `
    < second client
    HTTP/1.1 503 Service Unavailable
    x-envoy-overloaded: true
    content-length: 81
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: overflow
    (open)
    stat: cluster.requests.circuit_breakers.default.rq_open +1
    stat: cluster.requests.upstream_cx_active +2
    stat: cluster.requests.upstream_cx_http1_total +2
    stat: cluster.requests.upstream_cx_total +2
    stat: cluster.requests.upstream_cx_tx_bytes_total +151
    stat: cluster.requests.upstream_rq_503 +1
    stat: cluster.requests.upstream_rq_5xx +1
    stat: cluster.requests.upstream_rq_active +1
    stat: cluster.requests.upstream_rq_active_overflow +1
    stat: cluster.requests.upstream_rq_completed +1
    stat: cluster.requests.upstream_rq_pending_total +2
    stat: cluster.requests.upstream_rq_total +1
    < first client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: 503 UO UpstreamOverflow upstream_reset_before_response_started{overflow} tries=1 host=127.0.0.1:$up failure=-
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
      },
      second('/requests', /cluster\.requests\.(?!.*external)/),
    )
    f.scenario(
      'high priority has its own breakers',
      {
        sees: `
    < second client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    stat: cluster.high.circuit_breakers.default.rq_open +1
    < first client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
      },
      second('/high', /cluster\.high\.circuit_breakers/, '/high/high'),
    )
    f.scenario(
      'max_connections and max_pending_requests: one waits, the next is refused',
      {
        sees: `
    stat: cluster.connections.upstream_rq_503 +1
    stat: cluster.connections.upstream_rq_5xx +1
    stat: cluster.connections.upstream_rq_completed +1
    stat: cluster.connections.upstream_rq_pending_overflow +1
    < third client
    HTTP/1.1 503 Service Unavailable
    x-envoy-overloaded: true
    content-length: 81
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: overflow
    (open)
    < second client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: 503 UO UpstreamOverflow upstream_reset_before_response_started{overflow} tries=1 host=- failure=-
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
      },
      async s => {
        s.upstream().script(silence)
        const first = await s.connect()
        await first.send(get('/connections'))
        await s.upstream().nextRequest()
        const waiting = await s.connect()
        await waiting.send(get('/connections'))
        await s.stat('cluster.connections.upstream_rq_pending_active', 1)
        const refused = await s.connect()
        await s.statsOf(/cluster\.connections\.(?!.*external)/, async () => {
          await refused.send(get('/connections'))
          await refused.response()
        })
        s.sawAll(refused, 'third client')
        await s.upstream().requests[0]?.connection.send(OK)
        await first.response()
        await waiting.response()
        s.sawAll(waiting, 'second client')
        await s.sawLog(3)
      },
    )
    f.scenario(
      'max_pending_requests 0: nothing may wait for a connection',
      {
        sees: `
    stat: cluster.nopending.upstream_rq_503 +1
    stat: cluster.nopending.upstream_rq_5xx +1
    stat: cluster.nopending.upstream_rq_completed +1
    stat: cluster.nopending.upstream_rq_pending_overflow +1
    < client
    HTTP/1.1 503 Service Unavailable
    x-envoy-overloaded: true
    content-length: 81
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: overflow
    (open)
    log: 503 UO UpstreamOverflow upstream_reset_before_response_started{overflow} tries=1 host=- failure=-
  `,
      },
      async s => {
        await s.exchange({ send: get('/nopending'), stats: /cluster\.nopending\.(?!.*external)/ })
      },
    )
    f.scenario(
      'what remains is counted when asked for',
      {
        sees: `
    cluster.tracked.circuit_breakers.default.cx_open 0
    cluster.tracked.circuit_breakers.default.cx_pool_open 0
    cluster.tracked.circuit_breakers.default.remaining_cx 3
    cluster.tracked.circuit_breakers.default.remaining_cx_pools 18446744073709552000
    cluster.tracked.circuit_breakers.default.remaining_pending 3
    cluster.tracked.circuit_breakers.default.remaining_retries 2
    cluster.tracked.circuit_breakers.default.remaining_rq 4
    cluster.tracked.circuit_breakers.default.rq_open 0
    cluster.tracked.circuit_breakers.default.rq_pending_open 0
    cluster.tracked.circuit_breakers.default.rq_retry_open 0
    cluster.tracked.circuit_breakers.high.cx_open 0
    cluster.tracked.circuit_breakers.high.cx_pool_open 0
    cluster.tracked.circuit_breakers.high.rq_open 0
    cluster.tracked.circuit_breakers.high.rq_pending_open 0
    cluster.tracked.circuit_breakers.high.rq_retry_open 0
  `,
      },
      async s => {
        s.upstream().script(silence)
        const client = await s.connect()
        await client.send(get('/tracked'))
        await s.upstream().nextRequest()
        const stats = await s.proxy.stats()
        for (const [name, value] of stats)
          if (name.startsWith('cluster.tracked.circuit_breakers')) s.note(`${name} ${value}`)
        client.destroy()
      },
    )
  },
)
