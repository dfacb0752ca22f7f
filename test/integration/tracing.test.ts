// Tracing: which requests are traced, the headers that tell of it, and the spans that reach a collector.
import { cluster, http, httpFilters, httpOptions } from '../support/config.js'
import { OK, thenClose } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'
import { IdNames, showSpan, SpanCollector } from '../support/span-collector.js'

const ZIPKIN = 'type.googleapis.com/envoy.config.trace.v3.ZipkinConfig'
const OTEL = 'type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig'

const zipkin = (tracing = '', more = '', version = 'HTTP_JSON'): string => `
tracing:
${tracing.replace(/^/gm, '  ')}
  provider:
    name: envoy.tracers.zipkin
    typed_config: {"@type": ${ZIPKIN}, collector_cluster: collector, collector_endpoint: /api/v2/spans, collector_endpoint_version: ${version}${more}}`

const otel = (config: string, tracing = ''): string => `
tracing:
${tracing.replace(/^/gm, '  ')}
  provider:
    name: envoy.tracers.opentelemetry
    typed_config: {"@type": ${OTEL}, ${config}}`

/** Each span is sent at once. */
const AT_ONCE = `
node: {id: the-node, cluster: the-service, locality: {zone: the-zone}}
layered_runtime: {layers: [{name: s, static_layer: {tracing: {zipkin: {min_flush_spans: 1}, opentelemetry: {min_flush_spans: 1}}}}]}`

const OUTBOUND = 'traffic_direction: OUTBOUND'
const LOG = 'trace=%TRACE_ID% span=%SPAN_ID%\n'
const TRACE_HEADERS = /^(b3|x-b3-.*|traceparent|tracestate|x-envoy-decorator-operation|x-request-id|x-client-trace-id)$/

let collector: SpanCollector
const withCollector = {
  values: async () => {
    collector = await SpanCollector.start()
    return { collector: collector.httpPort, otlp: collector.grpcPort, nobody: 1 }
  },
  cleanUp: async () => collector.stop(),
  more: AT_ONCE,
}

interface Traced {
  readonly to?: string
  readonly path?: string
  /** Header lines, each with its line break. */
  readonly headers?: string
  readonly replies?: readonly (string | ReturnType<typeof thenClose>)[]
  /** Spans to wait for. */
  readonly spans?: number
  /** Lines of the log. */
  readonly logs?: number
}

/** The digit of a request id that says why it is traced. */
const reasonOf = (id: string): string => (id.length === 36 ? `UUID with ${id[14]}` : id)

/** One exchange: what of the trace the upstream and the client were told, what was logged, and the spans. */
async function traced(
  s: Scene,
  { to = 'main', path = '/', headers = '', replies = [OK], spans = 1, logs = 1 }: Traced = {},
  names = new IdNames(),
): Promise<void> {
  s.upstream().forget()
  s.upstream().script(...replies)
  const client = await s.connect(to)
  await client.send(`GET ${path} HTTP/1.1\r\nHost: one.example\r\n${headers}\r\n`)
  const response = await client.response()
  const seen = (await collector.spans(spans)).toSorted((a, b) => b.kind.localeCompare(a.kind))
  for (const span of seen) s.note(showSpan(span, names))
  for (const request of s.upstream().requests)
    for (const [name, value] of request.headers)
      if (TRACE_HEADERS.test(name)) s.note(`> ${name}: ${name === 'x-request-id' ? reasonOf(value) : names.in(value)}`)
  const told = response.headers.get('x-envoy-decorator-operation')
  s.note(`< ${response.startLine}${told === undefined ? '' : ` ${told}`}`)
  for (const line of await s.log(logs, to)) s.note(`log: ${names.in(line)}`)
}

const B3 = 'x-b3-traceid: 463ac35c9f6413ad\r\nx-b3-spanid: a2fb4a1d1a96d312\r\nx-b3-parentspanid: 0020000000000001\r\n'
const W3C = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=1\r\n'
const NOT_SAMPLED = W3C.replace('-01\r', '-00\r')
const collectorCluster = cluster('collector')

feature(
  'Zipkin',
  {
    file: import.meta.url,
    ...withCollector,
    listeners: [
      http('main', { hcm: zipkin(), log: LOG }),
      http('egress', {
        hcm: zipkin(),
        log: LOG,
        listener: OUTBOUND,
        routes: `
- {match: {path: /quiet}, decorator: {operation: named, propagate: false}, route: {cluster: up}}
- {match: {path: /named}, decorator: {operation: named}, route: {cluster: up}}
- {match: {prefix: /}, route: {cluster: up}}`,
      }),
      http('ingress', {
        hcm: zipkin(),
        log: LOG,
        routes: '[{match: {prefix: /}, decorator: {operation: named}, route: {cluster: up}}]',
      }),
      http('spawning', {
        hcm: zipkin('verbose: true\nspawn_upstream_span: true'),
        log: LOG,
        routes: `
- {match: {path: /refused}, route: {cluster: refusing}}
- {match: {path: /direct}, direct_response: {status: 204}}
- {match: {path: /retried}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 1}}}
- {match: {prefix: /}, route: {cluster: up}}`,
      }),
      http('tagged', {
        hcm: zipkin(`spawn_upstream_span: true
max_path_tag_length: 3
operation: "op %REQ(:path)%"
upstream_operation: "up %REQ(:path)%"
custom_tags:
- {tag: literal, literal: {value: text}}
- {tag: header, request_header: {name: X-One, default_value: none}}
- {tag: value, value: "<%REQ(x-one)%> %RESPONSE_CODE%"}
- {tag: empty, value: "%REQ(x-none)%"}
- {tag: both, literal: {value: manager}}
- {tag: component, literal: {value: mine}}
- {tag: meta, metadata: {kind: {route: {}}, metadata_key: {key: space, path: [{key: word}]}}}`),
        log: LOG,
        routes: `
- match: {path: /routed}
  decorator: {operation: named}
  metadata: {filter_metadata: {space: {word: told}}}
  tracing: {operation: of the route, upstream_operation: up of the route, custom_tags: [{tag: both, literal: {value: route}}]}
  route: {cluster: up}
- {match: {prefix: /}, decorator: {operation: named}, route: {cluster: up}}`,
      }),
      http('wide', {
        hcm: zipkin(
          'spawn_upstream_span: true',
          ', trace_id_128bit: true, shared_span_context: false, trace_context_option: USE_B3_WITH_W3C_PROPAGATION',
          'HTTP_PROTO',
        ),
        log: LOG,
      }),
    ],
    clusters: [cluster('up'), cluster('refusing', ['nobody']), collectorCluster],
  },
  f => {
    f.scenario(
      'a new trace',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/a?b=c
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: ua
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      POST /api/v2/spans, host collector, application/json
      timeout 5000, chunked
    `,
      },
      async s => {
        await traced(s, { path: '/a?b=c', headers: 'user-agent: ua\r\n' })
        const report = collector.reports.at(-1)
        s.note(`${report?.target}, host ${report?.headers.host}, ${report?.headers['content-type']}`)
        s.note(`timeout ${report?.headers['x-envoy-expected-rq-timeout-ms']}, ${report?.headers['transfer-encoding']}`)
      },
    )
    f.scenario(
      'a trace that came with the request',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID2.16 below ID3.16, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID3.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      CLIENT 'one.example' ID1.16 ID2.16 below ID3.16, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID3.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      async s => {
        await traced(s, { headers: `${B3}x-b3-sampled: 1\r\n` })
        await traced(s, { to: 'egress', headers: `${B3}x-b3-sampled: 1\r\n` })
      },
    )
    f.scenario(
      'one that is not sampled',
      {
        sees: `
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID3.16
      > x-b3-sampled: 0
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      s => traced(s, { headers: `${B3}x-b3-sampled: 0\r\n`, spans: 0 }),
    )
    f.scenario(
      'the single header b3',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID2.16 below ID3.16, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > b3: ID1.16-ID2.16-1-ID3.16
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.32 ID2.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > b3: ID1.32-ID2.16-1
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=-
      > x-request-id: UUID with 9
      > b3: ID1.16-ID1.16-0
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      > b3: broken
      > x-request-id: UUID with 9
      < HTTP/1.1 200 OK
      log: trace=- span=-
    `,
      },
      async s => {
        await traced(s, { headers: 'b3: 463ac35c9f6413ad-a2fb4a1d1a96d312-1-0020000000000001\r\n' })
        await traced(s, { headers: 'b3: 463ac35c9f6413ad463ac35c9f6413ad-a2fb4a1d1a96d312\r\n' })
        await traced(s, { headers: 'b3: 0\r\n', spans: 0 })
        await traced(s, { headers: 'b3: broken\r\n', spans: 0 })
      },
    )
    f.scenario(
      'headers that are no ids',
      {
        sees: `
      > x-b3-traceid: what
      > x-b3-spanid: ID1.16
      > x-request-id: UUID with 9
      < HTTP/1.1 200 OK
      log: trace=- span=-
      SERVER 'one.example' ID1.16 ID2.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      async s => {
        await traced(s, { headers: 'x-b3-traceid: what\r\nx-b3-spanid: a2fb4a1d1a96d312\r\n', spans: 0 })
        await traced(s, { headers: 'x-b3-traceid: 1\r\nx-b3-spanid: A\r\nx-b3-sampled: true\r\n' })
      },
    )
    f.scenario(
      'names by decorators',
      {
        sees: `
      CLIENT 'named' ID1.16 ID1.16 below -, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/named
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (cr)
      > x-request-id: UUID with 9
      > x-envoy-decorator-operation: named
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      CLIENT 'named' ID1.16 ID1.16 below -, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/quiet
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      CLIENT 'theirs' ID1.16 ID1.16 below -, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/named
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 0
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (cr)
      > x-request-id: UUID with 9
      > x-envoy-decorator-operation: named
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'named' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK named
      log: trace=ID1.16 span=-
      SERVER 'theirs' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      async s => {
        await traced(s, { to: 'egress', path: '/named' })
        await traced(s, { to: 'egress', path: '/quiet' })
        const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-envoy-decorator-operation: theirs\r\n\r\n'
        await traced(s, { to: 'egress', path: '/named', replies: [answer] })
        await traced(s, { to: 'ingress' })
        await traced(s, { to: 'ingress', headers: 'x-envoy-decorator-operation: theirs\r\n' })
      },
    )
    f.scenario(
      'spans of attempts',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (last_downstream_rx_byte_received, first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_upstream_rx_byte_received, last_upstream_rx_byte_received, first_downstream_tx_byte_sent, last_downstream_tx_byte_sent, ss)
      CLIENT 'router up egress' ID1.16 ID2.16 below ID1.16, by the-service at LOCAL 0
        component: proxy
        http.protocol: HTTP/1.1
        http.status_code: 200
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_upstream_rx_byte_received, last_upstream_rx_byte_received, cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 204
        http.url: http://one.example/direct
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 0
        user_agent: -
        zone: the-zone
        (last_downstream_rx_byte_received, first_downstream_tx_byte_sent, last_downstream_tx_byte_sent, ss)
      < HTTP/1.1 204 No Content
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        error: true
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 503
        http.url: http://one.example/refused
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: UF
        response_size: 98
        upstream_cluster.name: refusing
        upstream_cluster: refusing
        user_agent: -
        zone: the-zone
        (last_downstream_rx_byte_received, first_downstream_tx_byte_sent, last_downstream_tx_byte_sent, ss)
      CLIENT 'router refusing egress' ID1.16 ID2.16 below ID1.16, by the-service at LOCAL 0
        component: proxy
        error.reason: remote connection failure
        error: true
        http.protocol: -
        http.status_code: 0
        peer.address: 127.0.0.1:$nobody
        response_flags: UF
        upstream_address: 127.0.0.1:$nobody
        upstream_cluster.name: refusing
        upstream_cluster: refusing
        (cr)
      < HTTP/1.1 503 Service Unavailable
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        error: true
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 503
        http.url: http://one.example/broken
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: UC
        response_size: 95
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (last_downstream_rx_byte_received, first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_downstream_tx_byte_sent, last_downstream_tx_byte_sent, ss)
      CLIENT 'router up egress' ID1.16 ID2.16 below ID1.16, by the-service at LOCAL 0
        component: proxy
        error.reason: connection termination
        error: true
        http.protocol: HTTP/1.1
        http.status_code: 0
        peer.address: 127.0.0.1:$up
        response_flags: UC
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 503 Service Unavailable
      log: trace=ID1.16 span=-
    `,
      },
      async s => {
        await traced(s, { to: 'spawning', spans: 2 })
        await traced(s, { to: 'spawning', path: '/direct' })
        await traced(s, { to: 'spawning', path: '/refused', spans: 2 })
        await traced(s, { to: 'spawning', path: '/broken', spans: 2, replies: [thenClose()] })
      },
    )
    f.scenario(
      'spans of attempts that are made again',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/retried
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (last_downstream_rx_byte_received, first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_upstream_rx_byte_received, last_upstream_rx_byte_received, first_downstream_tx_byte_sent, last_downstream_tx_byte_sent, ss)
      CLIENT 'router up egress' ID1.16 ID2.16 below ID1.16, by the-service at LOCAL 0
        component: proxy
        error: true
        http.protocol: HTTP/1.1
        http.status_code: 503
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_upstream_rx_byte_received, last_upstream_rx_byte_received, cr)
      CLIENT 'router up egress' ID1.16 ID3.16 below ID1.16, by the-service at LOCAL 0
        component: proxy
        http.protocol: HTTP/1.1
        http.status_code: 200
        peer.address: 127.0.0.1:$up
        response_flags: -
        retry.count: 1
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_upstream_rx_byte_received, last_upstream_rx_byte_received, cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID1.16
      > x-b3-sampled: 1
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID3.16
      > x-b3-parentspanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      async s => {
        const error = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'
        await traced(s, { to: 'spawning', path: '/retried', spans: 3, replies: [error, OK] })
      },
    )
    f.scenario(
      'tags and names of the configuration',
      {
        sees: `
      SERVER 'op /long/path' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        both: manager
        component: mine
        downstream_cluster: -
        guid:x-request-id: UUID
        header: 1
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/lo
        literal: text
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        value: <1> 200
        zone: the-zone
        (ss)
      CLIENT 'up /long/path' ID1.16 ID2.16 below ID1.16, by the-service at LOCAL 0
        both: manager
        component: mine
        header: 1
        http.protocol: HTTP/1.1
        http.status_code: 200
        literal: text
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        value: <1> 200
        (cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'of the route' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        both: route
        component: mine
        downstream_cluster: -
        guid:x-request-id: UUID
        header: none
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/ro
        literal: text
        meta: told
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        value: <> 200
        zone: the-zone
        (ss)
      CLIENT 'up of the route' ID1.16 ID2.16 below ID1.16, by the-service at LOCAL 0
        both: route
        component: mine
        header: none
        http.protocol: HTTP/1.1
        http.status_code: 200
        literal: text
        meta: told
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        value: <> 200
        (cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      async s => {
        await traced(s, { to: 'tagged', path: '/long/path', headers: 'x-one: 1\r\n', spans: 2 })
        await traced(s, { to: 'tagged', path: '/routed', spans: 2 })
      },
    )
    f.scenario(
      'ids of 128 bits, spans of their own, protobuf',
      {
        sees: `
      SERVER 'one.example' ID1.32 ID2.16 below -
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      CLIENT 'router up egress' ID1.32 ID3.16 below ID2.16
        component: proxy
        http.protocol: HTTP/1.1
        http.status_code: 200
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.32
      > x-b3-spanid: ID3.16
      > x-b3-parentspanid: ID2.16
      > x-b3-sampled: 1
      > traceparent: 00-ID1.32-ID3.16-01
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=-
      SERVER 'one.example' ID1.16 ID2.16 below ID3.16
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      CLIENT 'router up egress' ID1.16 ID4.16 below ID2.16
        component: proxy
        http.protocol: HTTP/1.1
        http.status_code: 200
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (cr)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID4.16
      > x-b3-parentspanid: ID2.16
      > x-b3-sampled: 1
      > traceparent: 00-ID5.32-ID4.16-01
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.32 ID2.16 below ID3.16
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      CLIENT 'router up egress' ID1.32 ID4.16 below ID2.16
        component: proxy
        http.protocol: HTTP/1.1
        http.status_code: 200
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (cr)
      > tracestate: a=1
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.32
      > x-b3-spanid: ID4.16
      > x-b3-parentspanid: ID2.16
      > x-b3-sampled: 1
      > traceparent: 00-ID1.32-ID4.16-01
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=-
      > tracestate: a=1
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.32
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID3.16
      > x-b3-sampled: 0
      > traceparent: 00-ID1.32-ID2.16-00
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=-
    `,
      },
      async s => {
        await traced(s, { to: 'wide', spans: 2 })
        await traced(s, { to: 'wide', spans: 2, headers: `${B3}x-b3-sampled: 1\r\n` })
        await traced(s, { to: 'wide', spans: 2, headers: W3C })
        await traced(s, { to: 'wide', spans: 0, headers: NOT_SAMPLED })
      },
    )
    f.scenario(
      'gRPC',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        error: true
        grpc.authority: one.example
        grpc.content_type: application/grpc
        grpc.message: away
        grpc.path: /a.Service/Method
        grpc.status_code: 14
        grpc.timeout: 1S
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/a.Service/Method
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 0
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        grpc.authority: one.example
        grpc.content_type: application/grpc
        grpc.path: /
        grpc.status_code: 5
        grpc.timeout: 1S
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 0
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      async s => {
        const answer = 'HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\ngrpc-status: 14\r\n'
        const headers = 'content-type: application/grpc\r\ngrpc-timeout: 1S\r\n'
        await traced(s, { path: '/a.Service/Method', headers, replies: [`${answer}grpc-message: away\r\n\r\n`] })
        await traced(s, { headers, replies: [`${answer.replace('14', '5')}\r\n`] })
      },
    )
    f.scenario(
      'a collector that refuses',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      stat: tracing.zipkin.reports_dropped +1
      stat: tracing.zipkin.spans_sent +1
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      stat: tracing.zipkin.reports_sent +1
      stat: tracing.zipkin.spans_sent +1
    `,
      },
      async s => {
        collector.status = 500
        await s.statsOf(/^tracing\.zipkin\.(reports|spans)_/, () => traced(s))
        collector.status = 202
        await s.statsOf(/^tracing\.zipkin\.(reports|spans)_/, () => traced(s))
      },
    )
  },
)

feature(
  'which requests are traced',
  {
    file: import.meta.url,
    ...withCollector,
    listeners: [
      http('chance', {
        hcm: `${zipkin('random_sampling: {value: 0}')}
use_remote_address: true
internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}`,
        log: LOG,
        routes: `
- {match: {path: /always}, tracing: {random_sampling: {numerator: 100}}, route: {cluster: up}}
- {match: {path: /never}, tracing: {client_sampling: {numerator: 0}, overall_sampling: {numerator: 0}}, route: {cluster: up}}
- {match: {prefix: /}, route: {cluster: up}}`,
      }),
      http('silent', { hcm: 'tracing: {}', log: LOG }),
      http('unpacked', {
        hcm: `${zipkin()}
request_id_extension: {typed_config: {"@type": type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig, pack_trace_reason: false}}`,
        log: LOG,
      }),
      http('free', {
        hcm: `${zipkin('random_sampling: {value: 0}')}
request_id_extension: {typed_config: {"@type": type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig, use_request_id_for_trace_sampling: false}}`,
        log: LOG,
      }),
      http('health', {
        hcm: `${zipkin()}
${httpFilters(['health', 'envoy.extensions.filters.http.health_check.v3.HealthCheck', 'pass_through_mode: false\nheaders: [{name: ":path", string_match: {exact: /health}}]'])}`,
        log: LOG,
      }),
      http('redirected', {
        hcm: zipkin(),
        log: LOG,
        routes: '[{match: {prefix: /}, route: {cluster: up, internal_redirect_policy: {}}}]',
      }),
      http('alone', { hcm: zipkin('no_context_propagation: true'), log: LOG }),
    ],
    clusters: [cluster('up'), collectorCluster],
  },
  f => {
    const stats = /^http\.\w+\.tracing\./
    f.scenario(
      'by chance, or not at all',
      {
        sees: `
      > x-request-id: UUID with 4
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 0
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/always
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      stat: http.chance.tracing.not_traceable +1
      stat: http.chance.tracing.random_sampling +1
    `,
      },
      s =>
        s.statsOf(stats, async () => {
          await traced(s, { to: 'chance', spans: 0 })
          await traced(s, { to: 'chance', path: '/always' })
        }),
    )
    f.scenario(
      'by force and by the client',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with a
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-client-trace-id: mine
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-client-trace-id: mine
      > x-request-id: UUID with b
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      > x-request-id: UUID with 4
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 0
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      > x-client-trace-id: mine
      > x-request-id: UUID with 4
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 0
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      stat: http.chance.tracing.client_enabled +1
      stat: http.chance.tracing.not_traceable +2
      stat: http.chance.tracing.service_forced +1
    `,
      },
      s =>
        s.statsOf(stats, async () => {
          await traced(s, { to: 'chance', headers: 'x-envoy-force-trace: 1\r\n' })
          await traced(s, { to: 'chance', headers: 'x-client-trace-id: mine\r\n' })
          await traced(s, { to: 'chance', path: '/never', headers: 'x-envoy-force-trace: 1\r\n', spans: 0 })
          await traced(s, { to: 'chance', path: '/never', headers: 'x-client-trace-id: mine\r\n', spans: 0 })
        }),
    )
    f.scenario(
      'as the request id says',
      {
        sees: `
      > x-request-id: UUID with 4
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 0
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with a
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with b
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      > x-request-id: no-id
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 0
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      stat: http.chance.tracing.client_enabled +1
      stat: http.chance.tracing.not_traceable +2
      stat: http.chance.tracing.random_sampling +1
      stat: http.chance.tracing.service_forced +1
    `,
      },
      s =>
        s.statsOf(stats, async () => {
          for (const digit of '49ab') {
            const headers = `x-request-id: 7a25baf8-5dde-${digit}c5f-9f3b-17c6a9f0a1b2\r\n`
            await traced(s, { to: 'chance', headers, spans: digit === '4' ? 0 : 1 })
          }
          await traced(s, { to: 'chance', headers: 'x-request-id: no-id\r\n', spans: 0 })
        }),
    )
    f.scenario(
      'without a provider there are no spans',
      {
        sees: `
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID3.16
      > x-request-id: UUID with 9
      < HTTP/1.1 200 OK
      log: trace=- span=-
      stat: http.silent.tracing.random_sampling +1
    `,
      },
      s => s.statsOf(stats, () => traced(s, { to: 'silent', headers: B3, spans: 0 })),
    )
    f.scenario(
      'the request id stays as it is',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 4
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      s => traced(s, { to: 'unpacked' }),
    )
    f.scenario(
      'the request id does not decide',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 4
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      s => traced(s, { to: 'free' }),
    )
    f.scenario(
      'health checks are not',
      {
        sees: `
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      stat: http.health.tracing.health_check +1
      stat: http.health.tracing.not_traceable +1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      stat: http.health.tracing.health_check +1
      stat: http.health.tracing.not_traceable +1
    `,
      },
      async s => {
        await s.statsOf(stats, () => traced(s, { to: 'health', path: '/health', spans: 0 }))
        const always = 'x-request-id: 7a25baf8-5dde-9c5f-9f3b-17c6a9f0a1b2\r\n'
        await s.statsOf(stats, () => traced(s, { to: 'health', path: '/health', headers: always, spans: 0 }))
      },
    )
    f.scenario(
      'a redirect that is followed',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 302
        http.url: http://one.example/there
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 0
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/there
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      log: trace=ID1.16 span=-
      stat: http.redirected.tracing.not_traceable +1
      stat: http.redirected.tracing.random_sampling +1
    `,
      },
      s => {
        const there = 'HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: http://one.example/there\r\n\r\n'
        return s.statsOf(stats, () => traced(s, { to: 'redirected', replies: [there, OK], spans: 2, logs: 2 }))
      },
    )
    f.scenario(
      'the trace ends here',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID2.16 below ID3.16, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID2.16
      > x-b3-parentspanid: ID3.16
      > x-b3-sampled: 1
      > x-request-id: UUID with 9
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
    `,
      },
      s => traced(s, { to: 'alone', headers: `${B3}x-b3-sampled: 1\r\n` }),
    )
  },
)

const SAMPLERS = 'type.googleapis.com/envoy.extensions.tracers.opentelemetry.samplers.v3'
const DETECTORS = 'type.googleapis.com/envoy.extensions.tracers.opentelemetry.resource_detectors.v3'
const OVER_HTTP =
  'http_service: {http_uri: {uri: "http://collector.example/v1/traces", cluster: collector, timeout: 1s}, request_headers_to_add: [{header: {key: X-More, value: of spans}}]}'
const PLAIN = 'set_telemetry_sdk_resource_attributes: false, set_instrumentation_scope: false'

feature(
  'OpenTelemetry',
  {
    file: import.meta.url,
    ...withCollector,
    env: { OTEL_RESOURCE_ATTRIBUTES: 'one=1,two=2' },
    listeners: [
      http('main', { hcm: otel(`${OVER_HTTP}, service_name: mine`), log: LOG }),
      http('grpc', {
        hcm: otel(
          `${PLAIN}, grpc_service: {envoy_grpc: {cluster_name: otlp}, timeout: 0.25s, initial_metadata: [{key: x-more, value: of spans}]}`,
          'verbose: true\nspawn_upstream_span: true',
        ),
        log: LOG,
        listener: OUTBOUND,
      }),
      http('detected', {
        hcm: otel(
          `${OVER_HTTP}, ${PLAIN}, resource_detectors: [{name: e, typed_config: {"@type": ${DETECTORS}.EnvironmentResourceDetectorConfig}}, {name: s, typed_config: {"@type": ${DETECTORS}.StaticConfigResourceDetectorConfig, attributes: {two: "3", service.name: other}}}]`,
        ),
        log: LOG,
      }),
      http('sampled', {
        hcm: otel(
          `${OVER_HTTP}, ${PLAIN}, sampler: {name: s, typed_config: {"@type": ${SAMPLERS}.AlwaysOnSamplerConfig}}`,
          'random_sampling: {value: 0}',
        ),
        log: LOG,
        routes: `
- {match: {path: /always}, tracing: {random_sampling: {numerator: 100}}, route: {cluster: up}}
- {match: {prefix: /}, route: {cluster: up}}`,
      }),
      http('parents', {
        hcm: otel(
          `${OVER_HTTP}, ${PLAIN}, sampler: {name: s, typed_config: {"@type": ${SAMPLERS}.ParentBasedSamplerConfig, wrapped_sampler: {name: r, typed_config: {"@type": ${SAMPLERS}.TraceIdRatioBasedSamplerConfig, sampling_percentage: {numerator: 0}}}}}`,
        ),
        log: LOG,
      }),
    ],
    clusters: [
      cluster('up'),
      collectorCluster,
      cluster('otlp', ['otlp'], httpOptions('explicit_http_config: {http2_protocol_options: {}}')),
    ],
  },
  f => {
    const noteReport = (s: Scene): void => {
      const report = collector.reports.at(-1)
      const { host, authority = host } = { host: report?.headers.host, authority: report?.headers[':authority'] }
      s.note(`${report?.target}, ${authority}, ${report?.headers['content-type']}, ${report?.headers['x-more']}`)
      // The version is each proxy's own.
      const version = String(report?.headers['user-agent']).replace('OTel-OTLP-Exporter-Envoy/', '')
      const about = report?.about.map(text => text.replace(version, 'VERSION'))
      s.note(`${about?.join('; ')}; known by its user agent: ${version.split('/').length} parts`)
    }
    f.scenario(
      'a new trace, over HTTP',
      {
        sees: `
      SERVER 'ingress' ID1.32 ID2.16 below -, flags 0x101
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/a?b=c
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-01
      > tracestate:
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      POST /v1/traces, collector.example, application/x-protobuf, of spans
      scope envoy VERSION; service.name=mine; telemetry.sdk.language=cpp; telemetry.sdk.name=envoy; telemetry.sdk.version=VERSION; known by its user agent: 5 parts
    `,
      },
      async s => {
        await traced(s, { path: '/a?b=c' })
        noteReport(s)
      },
    )
    f.scenario(
      'spans of attempts, over gRPC',
      {
        sees: `
      SERVER 'egress one.example' ID1.32 ID2.16 below -, flags 0x101
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 404
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 0
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (last_downstream_rx_byte_received, first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_upstream_rx_byte_received, last_upstream_rx_byte_received, first_downstream_tx_byte_sent, last_downstream_tx_byte_sent)
      CLIENT 'router up egress' ID1.32 ID3.16 below ID2.16, status 2, flags 0x101
        component: proxy
        http.protocol: HTTP/1.1
        http.status_code: 404
        peer.address: 127.0.0.1:$up
        response_flags: -
        upstream_address: 127.0.0.1:$up
        upstream_cluster.name: up
        upstream_cluster: up
        (first_upstream_tx_byte_sent, last_upstream_tx_byte_sent, first_upstream_rx_byte_received, last_upstream_rx_byte_received)
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID3.16-01
      > tracestate:
      < HTTP/1.1 404 Not Found
      log: trace=ID1.32 span=ID2.16
      POST /opentelemetry.proto.collector.trace.v1.TraceService/Export, otlp, application/grpc, of spans
      service.name=unknown_service:envoy; known by its user agent: 5 parts
    `,
      },
      async s => {
        const missing = 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'
        await traced(s, { to: 'grpc', spans: 2, replies: [missing] })
        noteReport(s)
      },
    )
    f.scenario(
      'a traceparent of the client',
      {
        sees: `
      SERVER 'ingress' ID1.32 ID2.16 below ID3.16, state a=1, flags 0x301
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-01
      > tracestate: a=1
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-00
      > tracestate: a=1
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      > traceparent: broken
      > x-request-id: UUID with 9
      < HTTP/1.1 200 OK
      log: trace=- span=-
      SERVER 'ingress' ID1.32 ID2.16 below ID3.16, state a=1, status 2, flags 0x301
        component: proxy
        downstream_cluster: -
        error: true
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 500
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 0
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-01
      > tracestate: a=1
      < HTTP/1.1 500 Internal Server Error
      log: trace=ID1.32 span=ID2.16
    `,
      },
      async s => {
        await traced(s, { headers: W3C })
        await traced(s, { headers: NOT_SAMPLED, spans: 0 })
        await traced(s, { headers: 'traceparent: broken\r\n', spans: 0 })
        const error = 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n'
        await traced(s, { headers: W3C, replies: [error] })
      },
    )
    f.scenario(
      'detectors of the resource',
      {
        sees: `
      SERVER 'ingress' ID1.32 ID2.16 below -, flags 0x101
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-01
      > tracestate:
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      POST /v1/traces, collector.example, application/x-protobuf, of spans
      one=1; service.name=other; two=3; known by its user agent: 5 parts
    `,
      },
      async s => {
        await traced(s, { to: 'detected' })
        noteReport(s)
      },
    )
    f.scenario(
      'samplers',
      {
        sees: `
      > x-request-id: UUID with 4
      > traceparent: 00-ID1.32-ID2.16-00
      > tracestate: a=1
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      SERVER 'ingress' ID1.32 ID2.16 below ID3.16, state a=1, flags 0x301
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/always
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-01
      > tracestate: a=1
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-00
      > tracestate:
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      SERVER 'ingress' ID1.32 ID2.16 below ID3.16, state a=1, flags 0x301
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-01
      > tracestate: a=1
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
      > x-request-id: UUID with 9
      > traceparent: 00-ID1.32-ID2.16-00
      > tracestate: a=1
      < HTTP/1.1 200 OK
      log: trace=ID1.32 span=ID2.16
    `,
      },
      async s => {
        await traced(s, { to: 'sampled', headers: W3C, spans: 0 })
        await traced(s, { to: 'sampled', path: '/always', headers: NOT_SAMPLED })
        await traced(s, { to: 'parents', spans: 0 })
        await traced(s, { to: 'parents', headers: W3C })
        await traced(s, { to: 'parents', headers: NOT_SAMPLED, spans: 0 })
      },
    )
  },
)

feature(
  'the provider of the bootstrap',
  {
    file: import.meta.url,
    ...withCollector,
    listeners: [http('main', { hcm: 'tracing: {}', log: LOG })],
    clusters: [cluster('up'), collectorCluster],
    more: `${AT_ONCE}
tracing:
  http:
    name: envoy.tracers.zipkin
    typed_config: {"@type": ${ZIPKIN}, collector_cluster: collector, collector_endpoint: /api/v2/spans, collector_hostname: a.name, collector_endpoint_version: HTTP_JSON}`,
  },
  f => {
    f.scenario(
      'counts where a connection manager has none',
      {
        sees: `
      SERVER 'one.example' ID1.16 ID1.16 below -, shared, by the-service at LOCAL 0
        component: proxy
        downstream_cluster: -
        guid:x-request-id: UUID
        http.method: GET
        http.protocol: HTTP/1.1
        http.status_code: 200
        http.url: http://one.example/
        node_id: the-node
        peer.address: 127.0.0.1
        request_size: 0
        response_flags: -
        response_size: 2
        upstream_cluster.name: up
        upstream_cluster: up
        user_agent: -
        zone: the-zone
        (ss)
      > x-request-id: UUID with 9
      > x-b3-traceid: ID1.16
      > x-b3-spanid: ID1.16
      > x-b3-sampled: 1
      < HTTP/1.1 200 OK
      log: trace=ID1.16 span=-
      host a.name
    `,
      },
      async s => {
        await traced(s)
        s.note(`host ${collector.reports.at(-1)?.headers.host}`)
      },
    )
  },
)

feature(
  'batches of spans',
  {
    file: import.meta.url,
    ...withCollector,
    listeners: [http('main', { hcm: zipkin(), log: LOG }), http('otel', { hcm: otel(OVER_HTTP), log: LOG })],
    clusters: [cluster('up'), collectorCluster],
    more: `
layered_runtime: {layers: [{name: s, static_layer: {tracing: {zipkin: {min_flush_spans: 3, flush_interval_ms: 100000}, opentelemetry: {flush_interval_ms: 50}}}}]}`,
  },
  f => {
    const ask = async (s: Scene, times: number, listener: string): Promise<void> => {
      for (let i = 0; i < times; ++i) {
        const client = await s.connect(listener)
        await client.send('GET / HTTP/1.1\r\nHost: one.example\r\n\r\n')
        await client.response()
      }
    }
    f.scenario(
      'are sent when there are enough',
      {
        sees: `
      3 spans, 3 spans
      spans_sent 6
    `,
      },
      async s => {
        await ask(s, 6, 'main')
        await collector.spans(6)
        s.note(collector.reports.map(({ spans }) => `${spans.length} spans`).join(', '))
        await s.stat('tracing.zipkin.reports_sent', 2)
        s.note(`spans_sent ${(await s.proxy.stats()).get('tracing.zipkin.spans_sent')}`)
      },
    )
    f.scenario(
      'are sent when the time is over',
      {
        sees: `
      1 span
    `,
      },
      async s => {
        await ask(s, 1, 'otel')
        s.note(`${(await collector.spans(1)).length} span`)
      },
    )
  },
)
